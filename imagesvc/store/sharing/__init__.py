"""Shares of images, and links for uploads of guests."""
