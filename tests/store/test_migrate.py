"""Migrations, against the tables of `schema.py` and against crashes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from imagesvc.store import migrate as module
from imagesvc.store.database import sqlite_engine
from imagesvc.store.migrate import HEAD, NEWEST, migrate
from imagesvc.store.schema import is_in_metadata, metadata
from scripts.make_schema import newest, statements

KILLED_AT_STATEMENT = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import event
from sqlalchemy.engine import Engine
from imagesvc.store.migrate import migrate

left = int(sys.argv[2])

@event.listens_for(Engine, "before_cursor_execute")
def count(*_):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

migrate(Path(sys.argv[1]))
"""


def test_head_is_the_newest_revision() -> None:
    """`migrate` compares with a constant, so that a start need not load Alembic."""
    scripts = ScriptDirectory(str(Path(module.__file__).parent / "migrations"))

    assert scripts.get_current_head() == HEAD


def test_a_migrated_database_has_the_tables_of_the_schema(tmp_path: Path) -> None:
    """Queries are written against `schema.py`; users have what the migrations made."""
    path = tmp_path / "imagesvc.db"

    migrate(path)

    with sqlite_engine(path).connect() as connection:
        options = {"compare_type": True, "include_name": is_in_metadata}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def test_a_new_database_is_what_the_migrations_make(tmp_path: Path) -> None:
    """It is made by one script, which takes a tenth of the time: `make schema` renews it."""
    migrate(tmp_path / "new.db")

    made = newest(tmp_path / "migrated.db")

    assert made == NEWEST.read_text()
    assert statements(tmp_path / "new.db") == made


def test_migrating_again_changes_nothing(tmp_path: Path) -> None:
    """Every start migrates."""
    path = tmp_path / "imagesvc.db"
    migrate(path)
    before = path.stat().st_mtime_ns

    migrate(path)

    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize("statement", [5, 9, 13, 17])
def test_a_kill_during_the_first_migration_leaves_a_database_that_starts(
    tmp_path: Path, statement: int
) -> None:
    """Half of the tables would stop every later start with "table already exists"."""
    path = tmp_path / "imagesvc.db"
    script = [sys.executable, "-c", KILLED_AT_STATEMENT, str(path), str(statement)]
    killed = subprocess.run(script, check=False)
    assert killed.returncode == -9, "the migration has fewer statements; adjust the numbers"

    migrate(path)

    with sqlite_engine(path).connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": is_in_metadata})
        assert compare_metadata(context, metadata) == []
