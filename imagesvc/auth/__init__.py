"""Authentication and authorization: the principal of a request, and its permissions."""
