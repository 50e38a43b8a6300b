"""Verification of what is stored: of a data directory, and of a shared database and its blobs."""
