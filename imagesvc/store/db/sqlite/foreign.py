"""Databases from elsewhere: their schema may have code of others, and their digests name files."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import StaticPool, create_engine

from imagesvc.errors import Unavailable
from imagesvc.store.db.sqlite.engine import transaction
from imagesvc.store.db.sqlite.expected import statements
from imagesvc.store.db.sqlite.migrate import HEAD, is_known, upgrade
from imagesvc.store.db.sqlite.soundness import read_only

MAX_SHOWN = 60
SHADOWS = ("config", "content", "data", "docsize", "idx")
"""What FTS5 appends to the name of a virtual table for its own ones; which depends on its version.

Source: https://sqlite.org/fts5.html, section 9
"""
_PARTS = """
SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema
WHERE type IN ('trigger', 'view') OR (type = 'table' AND name NOT GLOB 'sqlite_*')
"""
_DIGESTS = """
SELECT t.name, c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c
WHERE t.type = 'table' AND (c.name = 'sha256' OR c.name GLOB '*_sha256')
"""
_WRONG = """
SELECT count(*) FROM "{table}" WHERE "{column}" IS NOT NULL AND (
  typeof("{column}") != 'text' OR length("{column}") != 64 OR "{column}" GLOB '*[^0-9a-f]*'
)
"""
_NAMES = """
SELECT name FROM pragma_table_info('blobs') WHERE name IN ('name', 'mezzanine_name')
"""
_WRONG_NAMES = """
SELECT count(*) FROM blobs WHERE "{name}" IS NOT NULL AND (
  typeof("{name}") != 'text' OR length("{name}") != 97 OR substr("{name}", 66) GLOB '*[^0-9a-f]*'
  OR substr("{name}", 1, 65) IS NOT "{digest}" || '/'
)
"""


class UntrustedDatabase(Unavailable):
    """A database has something that imagesvc does not make."""


class Part(NamedTuple):
    """A table, trigger or view, and the table that it belongs to."""

    kind: str
    name: str
    table: str

    def __str__(self) -> str:
        """As in messages, also of a hostile name."""
        return f"{self.kind} {self.name[:MAX_SHOWN]!a}"


def require_own(path: Path) -> None:
    """Check that a sound database has nothing but what imagesvc makes at its revision.

    Triggers of the names that imagesvc uses may have another text: `renew_triggers` replaces it.

    Raises:
        UntrustedDatabase: it has a trigger, view or table of others, or a digest or a name of a
            blob is none.
    """
    with contextlib.closing(read_only(path)) as connection:
        own = _own_parts(_revision(connection))
        for part, sql in _parts(connection).items():
            if part not in own and not _is_of_sqlite(part, own):
                raise UntrustedDatabase(f"has the {part}, which imagesvc does not make")
            if part.kind == "table" and _virtual(sql) != _virtual(own.get(part, "")):
                raise UntrustedDatabase(f"has the {part} with another definition")
        for table, column in connection.execute(_DIGESTS).fetchall():
            _require_none(
                connection, _WRONG.format(table=table, column=column), f"{table}.{column}",
                "not the 64 hexadecimal digits of a SHA-256",
            )  # fmt: skip
        for name in names_in(connection):
            digest = name.replace("name", "sha256")
            _require_none(
                connection, _WRONG_NAMES.format(name=name, digest=digest), f"blobs.{name}",
                "not names of blobs",
            )  # fmt: skip


def names_in(connection: sqlite3.Connection) -> list[str]:
    """The columns with names of blobs, which older revisions have not."""
    return [name for (name,) in connection.execute(_NAMES)]


def _require_none(connection: sqlite3.Connection, query: str, place: str, fault: str) -> None:
    (wrong,) = connection.execute(query).fetchone()
    if wrong:
        raise UntrustedDatabase(f"has {wrong:,} values in {place} that are {fault}")


def renew_triggers(connection: sqlite3.Connection) -> None:
    """Put imagesvc's own triggers in the place of those of a database, in the caller's transaction.

    Before any row is changed: a trigger runs when its table changes.
    """
    own = _own_parts(_revision(connection))
    for part in _parts(connection):
        if part.kind == "trigger":
            connection.execute(f'DROP TRIGGER "{part.name}"')
    for part, sql in own.items():
        if part.kind == "trigger":
            connection.execute(sql)


def _revision(connection: sqlite3.Connection) -> str:
    try:
        rows = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    except sqlite3.OperationalError:
        rows = []
    if len(rows) != 1 or not is_known(str(rows[0][0])):
        raise UntrustedDatabase("names no version of its schema that this imagesvc knows")
    return str(rows[0][0])


def _parts(connection: sqlite3.Connection) -> dict[Part, str]:
    """Triggers, views and tables other than SQLite's own, and the statements that made them."""
    found = connection.execute(_PARTS).fetchall()
    return {Part(*part): sql for *part, sql in found}


@cache
def _own_parts(revision: str) -> dict[Part, str]:
    """What imagesvc makes, up to a revision."""
    if revision == HEAD:
        with contextlib.closing(sqlite3.connect(":memory:")) as connection:
            for statement in statements():
                connection.execute(statement)
            return _parts(connection)
    with _migrated(revision) as connection:
        return _parts(connection)


@contextlib.contextmanager
def _migrated(revision: str) -> Iterator[sqlite3.Connection]:
    engine = create_engine("sqlite://", poolclass=StaticPool, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            with transaction(connection):
                upgrade(connection, revision)
            driver = connection.connection.dbapi_connection
            assert isinstance(driver, sqlite3.Connection)  # noqa: S101  # for the type checker
            yield driver
    finally:
        engine.dispose()


def _is_of_sqlite(part: Part, own: dict[Part, str]) -> bool:
    """Whether this is a table that one of imagesvc's virtual tables makes for itself."""
    name, _, ending = part.name.rpartition("_")
    return (
        part.kind == "table"
        and ending in SHADOWS
        and bool(_virtual(own.get(Part("table", name, name), "")))
    )


def _virtual(sql: str) -> str:
    """The statement of a virtual table without spaces and quotes; empty for others."""
    plain = re.sub(r"[\s\"'`\[\]]+", "", sql).lower()
    return plain if plain.startswith("createvirtualtable") else ""
