"""Queries about many images at once: edits, and the images with some digests."""
