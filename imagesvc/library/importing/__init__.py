"""Imports of existing files: what their sidecars say, and the collection that they go into."""
