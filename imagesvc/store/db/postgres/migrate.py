"""Bring a database of PostgreSQL to the newest schema, once for all nodes."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, func, inspect, select, text

from imagesvc.errors import Unavailable
from imagesvc.store.db.postgres.engine import (
    engine_version,
    newest_engine_version,
    upgrade_engine,
)
from imagesvc.store.db.postgres.errors import explained
from imagesvc.store.db.postgres.schema import create
from imagesvc.store.db.sqlite.migrate import HEAD, DatabaseNewer, DatabaseOlder, is_known, upgrade

_LOCK = func.pg_advisory_xact_lock(func.hashtext("imagesvc migrate"))
HINT = "Run imagesvc migrate, and start the servers and workers of this version then."


def migrate(engine: Engine) -> str | None:
    """Create or upgrade the tables in one transaction; nodes that do so at once take turns.

    Returns:
        The revision before; None if the database was empty.

    Raises:
        DatabaseNewer: a later version has migrated it.
        Unavailable: it cannot be used now, which the text explains, or has tables of something
            else.
    """
    with explained(), engine.begin() as connection:
        connection.execute(select(_LOCK))
        revision = revision_of(connection)
        if revision is None:
            _check_empty(connection)
            create(connection)
            connection.execute(
                text("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
            )
            connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})
        elif revision != HEAD:
            _check_known(revision)
            upgrade(connection)
        _check_engine_known(connection)
        upgrade_engine(connection)
    return revision


def require_current(engine: Engine) -> None:
    """Leave the migration of a shared database to its command.

    Raises:
        DatabaseOlder: it is empty, or an earlier version has made it.
        DatabaseNewer: a later version has migrated it.
        Unavailable: it cannot be used now, which the text explains.
    """
    with explained(), engine.connect() as connection:
        revision = revision_of(connection)
        engine_now = engine_version(connection)
        _check_engine_known(connection)
    if revision is None:
        raise DatabaseOlder(f"The database has no tables of imagesvc. {HINT}")
    _check_known(revision)
    if revision != HEAD:
        raise DatabaseOlder(f"The database has schema {revision}, and this version {HEAD}. {HINT}")
    if engine_now != newest_engine_version():
        raise DatabaseOlder(
            f"The tables of the queue (procrastinate) are of another version. {HINT}"
        )


def revision_of(connection: Connection) -> str | None:
    """The revision of the schema; None when there is none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


def _check_known(revision: str) -> None:
    if not is_known(revision):
        raise DatabaseNewer(
            f"The database was made by a newer version of imagesvc (schema {revision}; this "
            f"version knows those up to {HEAD}). Run the newer version, or restore a copy."
        )


def _check_engine_known(connection: Connection) -> None:
    version, newest = engine_version(connection), newest_engine_version()
    if version is not None and version > newest:
        raise DatabaseNewer(
            f"The tables of the queue are those of a newer version of procrastinate ({version}; "
            f"the installed one knows those up to {newest}). Install that version."
        )


def _check_empty(connection: Connection) -> None:
    if names := inspect(connection).get_table_names():
        raise Unavailable(
            f"The database has tables that are not of imagesvc ({', '.join(sorted(names)[:5])}). "
            "Give imagesvc a database of its own."
        )
