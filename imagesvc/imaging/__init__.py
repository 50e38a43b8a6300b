"""Pixels: pure functions from bytes to bytes that run inside workers; no HTTP, no store."""
