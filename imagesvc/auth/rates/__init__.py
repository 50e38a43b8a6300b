"""Rate limits: of requests, and of attempts to log in."""
