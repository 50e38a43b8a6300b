"""Syntax of URLs and header fields as pure functions, independent of requests."""
