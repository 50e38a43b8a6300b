"""Copies of originals without their location: bytes to bytes, without decoding pixels."""
