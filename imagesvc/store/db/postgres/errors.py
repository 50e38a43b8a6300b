"""Errors of PostgreSQL turned into ours, once, here; the driver's is the cause.

Source: https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from sqlalchemy.exc import DBAPIError, OperationalError

from imagesvc.errors import (
    DatabaseDamaged,
    DatabaseFull,
    DatabaseUnavailable,
    ImagesvcError,
    Unavailable,
)

_CONFLICTS = {"40001", "40P01"}  # could not serialize, deadlock
_FULL = "53100"
_READ_ONLY = {"25006", "0A000"}
"""The second is that of a standby, which has no serializable transactions."""
READ_ONLY = "The database only reads now: it is a standby, or was made read-only."
_DAMAGED = {"XX001", "XX002"}  # of data, of an index
_LOST = ("08", "53300", "57P")
"""How states begin of a lost connection, too many of them, and a server that stops or starts."""


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn the driver's errors into ours."""
    try:
        yield
    except DBAPIError as error:
        raise _translation(error) from error


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Turn them into ours for an operator, with the reason that the driver or the server gives.

    The driver names host, port and user, and no password.
    """
    try:
        yield
    except DBAPIError as error:
        reason = " ".join(str(error.orig).split())
        raise Unavailable(f"The database at database_url cannot be used: {reason}") from error


def is_conflict(error: DBAPIError) -> bool:
    """Whether the same transaction may succeed when it is repeated."""
    return _state_of(error) in _CONFLICTS


def shows_damage(error: DBAPIError) -> bool:
    """Whether PostgreSQL found damage in what it read, or could not read it from its disk."""
    return _state_of(error).startswith(("XX", "58"))


def _translation(error: DBAPIError) -> ImagesvcError:
    state = _state_of(error)
    if state == _FULL:
        return DatabaseFull("The disk that holds the database is full.")
    if state in _READ_ONLY:
        return DatabaseUnavailable(READ_ONLY)
    if state in _DAMAGED:
        return DatabaseDamaged("The database is damaged.")
    if isinstance(error, OperationalError) or error.connection_invalidated:
        kind = DatabaseUnavailable if _is_lost(error) else Unavailable
        return kind("The database cannot be used now.")
    return ImagesvcError("The database refused a statement.")


def _is_lost(error: DBAPIError) -> bool:
    """Whether no statement passes, and not only this one: a failure to connect has no state."""
    state = _state_of(error)
    return error.connection_invalidated or not state or state.startswith(_LOST)


def _state_of(error: DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""
