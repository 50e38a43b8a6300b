"""Parts that decide who sends a request: accounts, and log-ins at an identity provider."""
