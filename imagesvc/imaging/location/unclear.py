"""The error of files whose metadata cannot be removed with certainty."""

from __future__ import annotations


class UnclearError(Exception):
    """A structure that is not understood: what it holds, and how decoders read it, is not known."""
