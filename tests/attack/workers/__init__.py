"""Workers that tests start in the place of the service's own."""
