"""The names of files that are images, and the names that their images get."""

from __future__ import annotations

from pathlib import Path, PurePath

SUFFIXES = frozenset(
    {
        ".apng", ".avif", ".bmp", ".gif", ".heic", ".heif", ".ico", ".j2k", ".jfif", ".jp2", ".jpe",
        ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp",
    }
)  # fmt: skip
"""Suffixes of files that are taken regardless of their content, so that damage is reported."""


def name_for(path: Path, known: str) -> str:
    """The name for the image of a file: its name before it was shortened, if that is one.

    Args:
        path: the file.
        known: what a sidecar says; empty if there is none, and perhaps without a suffix.
    """
    is_whole = PurePath(known).suffix.lower() == path.suffix.lower()
    return known if is_whole else name_as_text(path)


def name_as_text(path: Path) -> str:
    """The name of a file; bytes that are not UTF-8 become question marks."""
    return path.name.encode("utf-8", "replace").decode()
