"""Copies of originals without the place where they were taken: bytes to bytes, no pixel decoded."""
