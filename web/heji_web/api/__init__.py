"""The doors for programs: one module for each resource, and their description."""
