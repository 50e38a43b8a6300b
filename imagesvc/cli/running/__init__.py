"""The commands that run the service, and the one for its first account."""
