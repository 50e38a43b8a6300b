"""Rows of purges: what a CDN must forget."""
