"""Users, API keys and tokens as JSON resources."""
