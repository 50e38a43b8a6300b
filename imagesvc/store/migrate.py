"""Bring the database to the newest schema."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from imagesvc.store.database import sqlite_engine, transaction

HEAD = "0004"
"""The newest revision in `migrations/versions`; a test holds the two together."""


def migrate(path: Path) -> None:
    """Create or upgrade the database at `path`; nothing happens when it is at `HEAD`.

    One transaction: a crash in between leaves the old schema, whole.
    """
    engine = sqlite_engine(path)
    with engine.connect() as connection:
        if _revision(connection) != HEAD:
            with transaction(connection):
                if _revision(connection) != HEAD:  # another process may have been faster
                    _upgrade(connection)
    engine.dispose()


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


def _upgrade(connection: Connection) -> None:
    # Imported when needed: it takes a third of the time of a start that has nothing to migrate.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
