"""Versions of editable fields, so that two editors do not overwrite each other."""

from __future__ import annotations

from imagesvc.errors import PreconditionFailed

Expected = frozenset[int] | None
"""The versions of which an edit wants to find one; None for any."""


def check_version(current: int, expected: Expected) -> None:
    """Compare the current version with those that an edit expects.

    Raises:
        PreconditionFailed: it is another; the error tells which.
    """
    if expected is not None and current not in expected:
        message = f'names another version; "{current}" is the current one'
        raise PreconditionFailed(f"If-Match {message}.", (("If-Match", message),))
