"""Image bytes over HTTP: URL grammar, conditional requests, caching headers."""
