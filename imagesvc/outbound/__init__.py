"""HTTP requests to addresses that users name: imports and webhooks."""
