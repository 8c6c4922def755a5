"""The service and what it stands on: settings, secrets, its folder, threads beside the requests."""
