"""Programs that run in their own process and take turns; see `protocol`."""
