"""What an event brings about: lines, stock, edges, suspicions, erasures, and the stored warnings that follow."""
