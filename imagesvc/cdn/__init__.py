"""Purging the responses of changed images from a CDN."""
