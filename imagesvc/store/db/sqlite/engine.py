"""SQLite under SQLAlchemy: engines, write transactions, and errors turned into ours."""

from __future__ import annotations

import contextlib
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import NullPool

from imagesvc.errors import (
    DatabaseDamaged,
    DatabaseUnavailable,
    ImagesvcError,
    InsufficientStorage,
    OutcomeUnknown,
    Unavailable,
)

_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
_FULL = {"SQLITE_FULL", "SQLITE_IOERR_SHMSIZE"}  # the latter: no room for the index of the log


def sqlite_engine(path: Path, **options: Any) -> Engine:
    """An engine whose connections are set up as invariant 1 needs: WAL, and fsync at commit."""
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=NullPool,
        connect_args={"check_same_thread": False},
        **options,
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _record: object) -> None:
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "busy_timeout = 10000",
            "cache_size = -16384",
            "temp_store = MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}")

    return engine.execution_options(isolation_level="AUTOCOMMIT")


def only_read(connection: sqlite3.Connection) -> None:
    """Let a connection change neither rows nor, by moving the log into it, the file.

    Closing the last of all connections does that, too, but then no other can write: SQLite locks
    the whole database for it. Python 3.12 and newer can switch that off as well.
    """
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    if sys.version_info >= (3, 12):
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, True)


@contextlib.contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """A write transaction that waits for its turn at the start, never in the middle."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    try:
        yield
        connection.exec_driver_sql("COMMIT")
    except BaseException:
        with contextlib.suppress(DBAPIError):  # SQLite may have rolled back on its own
            connection.exec_driver_sql("ROLLBACK")
        raise


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn the driver's errors into ours, once, here; the driver's is the cause."""
    try:
        yield
    except DBAPIError as error:
        raise _translation(error) from error


def failure_behind(error: BaseException) -> DBAPIError | None:
    """The driver's error that `translated` made this one of, if ours does not say it all."""
    cause = error.__cause__
    is_translated = type(error) in {
        Unavailable, DatabaseUnavailable, OutcomeUnknown, ImagesvcError,
    }  # fmt: skip
    return cause if is_translated and isinstance(cause, DBAPIError) else None


def _translation(error: DBAPIError) -> ImagesvcError:
    if isinstance(error, OperationalError):
        if error_name(error) in _FULL:
            return InsufficientStorage("The disk that holds the database is full.")
        return Unavailable("The database cannot be used now.")
    if error_name(error).startswith(_DAMAGED):
        return DatabaseDamaged("The database is damaged.")
    if error.connection_invalidated:
        return Unavailable("The database cannot be used now.")
    return ImagesvcError("The database refused a statement.")


def error_name(error: DBAPIError) -> str:
    """SQLite's name of an error, such as `SQLITE_BUSY`; empty if there is none."""
    return getattr(error.orig, "sqlite_errorname", "")
