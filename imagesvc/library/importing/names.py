"""The names of files that are images."""

from __future__ import annotations

SUFFIXES = frozenset(
    {
        ".apng", ".avif", ".bmp", ".gif", ".heic", ".heif", ".ico", ".j2k", ".jfif", ".jp2", ".jpe",
        ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp",
    }
)  # fmt: skip
"""Suffixes of files that are taken regardless of their content, so that damage is reported."""
