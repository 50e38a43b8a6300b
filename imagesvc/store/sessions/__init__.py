"""Rows of browser sessions, and of the set-up link."""
