"""Workers that tests start instead of the service's own."""
