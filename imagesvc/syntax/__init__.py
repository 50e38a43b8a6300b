"""Syntax of URLs and header fields as pure functions; knows no request."""
