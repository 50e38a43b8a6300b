"""The databases of the servers of tests, which are read and changed beside them.

Each is in its data directory, or PostgreSQL has one for each data directory: --shared-database.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.pool import NullPool

from imagesvc.store.files.secret import load_secret

SECRET = "5e" * 32


class Databases:
    """Makes a database when a data directory is first used."""

    def __init__(
        self,
        make: Callable[[], str],
        drop: Callable[[str], None],
        new_bucket: Callable[[], str] | None,
    ) -> None:
        self._make = make
        self._drop = drop
        self._new_bucket = new_bucket
        self._urls: dict[Path, str] = {}
        self._buckets: dict[Path, str] = {}

    def of(self, data_dir: Path) -> str:
        """The URL of the database of a data directory."""
        if data_dir not in self._urls:
            self._urls[data_dir] = self._make().replace("+psycopg", "")
        return self._urls[data_dir]

    def bucket_of(self, data_dir: Path) -> str | None:
        """The URL of the bucket of a data directory; None if originals are in files."""
        if self._new_bucket is not None and data_dir not in self._buckets:
            self._buckets[data_dir] = self._new_bucket()
        return self._buckets.get(data_dir)

    def drop_all(self) -> None:
        """Remove them."""
        for url in self._urls.values():
            self._drop(url)


_used: Databases | None = None


@contextlib.contextmanager
def used(
    make: Callable[[], str],
    drop: Callable[[str], None],
    new_bucket: Callable[[], str] | None = None,
) -> Iterator[None]:
    """Let the servers that are made meanwhile use databases of these functions."""
    global _used  # noqa: PLW0603  # of the process, as the servers' ports are
    _used = Databases(make, drop, new_bucket)
    yield
    _used.drop_all()
    _used = None


def settings_of(data_dir: Path) -> dict[str, Any]:
    """The settings of a server with this data directory; none for SQLite."""
    if _used is None:
        return {}
    settings = {"database_url": _used.of(data_dir), "secret_key": SECRET}
    bucket = _used.bucket_of(data_dir)
    return settings if bucket is None else {**settings, "blob_url": bucket}


def secret_of(data_dir: Path) -> bytes:
    """The secret of its server."""
    return load_secret(data_dir / "secret.key") if _used is None else bytes.fromhex(SECRET)


@contextlib.contextmanager
def opened(data_dir: Path) -> Iterator[Connection]:
    """A transaction in its database."""
    url = f"sqlite:///{data_dir / 'imagesvc.db'}"
    if _used is not None:
        url = _used.of(data_dir).replace("postgresql://", "postgresql+psycopg://")
    with create_engine(url, poolclass=NullPool).begin() as connection:
        yield connection


def run_sql(data_dir: Path, statement: str, **values: Any) -> list[Any]:
    """The first column of the rows that a statement returns."""
    with opened(data_dir) as connection:
        found = connection.execute(text(statement), values)
        return list(found.scalars()) if found.returns_rows else []


def dump(data_dir: Path) -> str:
    """All rows of all tables, as text."""
    with opened(data_dir) as connection:
        tables = inspect(connection).get_table_names()
        rows = {name: connection.execute(text(f"SELECT * FROM {name}")).all() for name in tables}
    return repr(rows)
