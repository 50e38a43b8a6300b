"""Backups: copies of a data directory that a server may be using, and their return."""
