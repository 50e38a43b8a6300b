"""Metadata, blobs, collection and verification, on real files."""
