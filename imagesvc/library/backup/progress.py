"""The progress of a backup, a restore and a verification."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Told the step, how many parts of it are done, and how many there are."""
