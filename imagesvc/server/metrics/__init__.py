"""What `/metrics` shows: the figures of all parts, collected at each request for them."""
