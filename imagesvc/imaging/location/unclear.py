"""The error of files whose metadata cannot be removed with certainty."""

from __future__ import annotations


class UnclearError(Exception):
    """A structure that cannot be parsed: its content and its reading by decoders are unknown."""
