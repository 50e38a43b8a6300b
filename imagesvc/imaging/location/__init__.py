"""Copies of originals without location or metadata: bytes to bytes, without decoding pixels."""
