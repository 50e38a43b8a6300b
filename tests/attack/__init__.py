"""Attacks that once succeeded, kept as tests."""
