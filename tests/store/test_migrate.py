"""Migrations, compared with the tables of `schema/`, and crashes."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from imagesvc.model.ids import BlobName
from imagesvc.store.db.schema.whole import WHOLE, is_in_metadata
from imagesvc.store.db.sqlite import migrate as module
from imagesvc.store.db.sqlite.database import EmbeddedDatabase
from imagesvc.store.db.sqlite.engine import sqlite_engine, transaction
from imagesvc.store.db.sqlite.expected import NEWEST
from imagesvc.store.db.sqlite.migrate import HEAD, SchemaDiffers, migrate, upgrade
from imagesvc.store.images import ImageStore
from imagesvc.store.originals import mark_analysed
from scripts.make_schema import newest, statements
from tests.breadth import represented
from tests.store.rows import image_and_job

pytestmark = pytest.mark.anyio

KILLED_AT_STATEMENT = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import event
from sqlalchemy.engine import Engine
from imagesvc.store.db.sqlite.migrate import migrate

left = int(sys.argv[2])

@event.listens_for(Engine, "before_cursor_execute")
def count(*_):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

migrate(Path(sys.argv[1]))
"""

OLD_ROWS = (
    (
        "INSERT INTO blobs (sha256, bytes, created_at, phash)"
        " VALUES ('a', 1, 0, '0123456789abcdef'), ('b', 1, 0, NULL)"
    ),
    *(
        "INSERT INTO images (id, sha256, format, width, height, frames, has_alpha, decode_bytes,"
        " bytes, filename, title, description, tags, exif, visibility, status, created_at,"
        f" updated_at, number) VALUES ('{number:032}', '{digest}', 'jpeg', 1, 1, 1, 0, 1, 1, '',"
        f" '', '', '[]', '{{}}', 'public', 'succeeded', 0, 0, {number})"
        for number, digest in ((1, "a"), (2, "b"))
    ),
    "INSERT INTO variants VALUES ('k', 'a', 'w=1', 'jpeg', 1, 1, 1, 1, 0, 0)",
)
"""A database at revision 0004: an analysed image with a variant, and one without analysis."""


def test_head_is_the_newest_revision() -> None:
    """`migrate` compares with a constant, so that a start need not load Alembic."""
    scripts = ScriptDirectory(str(Path(module.__file__).parent / "migrations"))

    assert scripts.get_current_head() == HEAD


def test_a_migrated_database_has_the_tables_of_the_schema(tmp_path: Path) -> None:
    """Queries use `schema/`; databases of users come from the migrations."""
    path = tmp_path / "imagesvc.db"

    migrate(path)

    with sqlite_engine(path).connect() as connection:
        options = {"compare_type": True, "include_name": is_in_metadata}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, WHOLE) == []


def test_a_new_database_is_what_the_migrations_make(tmp_path: Path) -> None:
    """One script makes it, in a tenth of the time: `make schema` updates the script."""
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


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("ALTER TABLE webhooks DROP COLUMN failing_since", "no column webhooks.failing_since"),
        ("ALTER TABLE jobs ADD COLUMN old TEXT NOT NULL DEFAULT ''", "unknown column jobs.old"),
        ("DROP TABLE webhook_deliveries", "no table webhook_deliveries"),
        ("DROP INDEX {index}", "no index {index}"),
        ("DROP TRIGGER {trigger}", "no trigger {trigger}"),
    ],
)
def test_another_schema_at_the_same_revision_is_refused(
    tmp_path: Path, change: str, said: str
) -> None:
    """Otherwise statements would fail later, in the middle of their work."""
    path = tmp_path / "imagesvc.db"
    migrate(path)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        parts = connection.execute(
            "SELECT type, max(name) FROM sqlite_schema WHERE sql IS NOT NULL GROUP BY type"
        )
        names = dict(parts.fetchall())
        connection.execute(change.format(**names))

    with pytest.raises(SchemaDiffers, match=said.format(**names).replace(".", r"\.")):
        migrate(path)


def test_additional_schema_objects_do_not_prevent_a_start(tmp_path: Path) -> None:
    """Examples are an additional index, or a table of `sqlite3 .recover`."""
    path = tmp_path / "imagesvc.db"
    migrate(path)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE lost_and_found (id INTEGER NOT NULL)")
        connection.execute("CREATE INDEX mine ON images (title)")

    migrate(path)


@pytest.mark.parametrize("statement", represented([5, 9, 13, 17], 9))
def test_a_kill_during_the_first_migration_leaves_a_database_that_starts(
    tmp_path: Path, statement: int
) -> None:
    """With half of the tables every later start would fail with "table already exists"."""
    path = tmp_path / "imagesvc.db"
    script = [sys.executable, "-c", KILLED_AT_STATEMENT, str(path), str(statement)]
    killed = subprocess.run(script, check=False)
    assert killed.returncode == -9, "the migration has fewer statements; adjust the numbers"

    migrate(path)

    with sqlite_engine(path).connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": is_in_metadata})
        assert compare_metadata(context, WHOLE) == []


def test_images_of_before_keep_their_analysis_and_share_no_location(tmp_path: Path) -> None:
    """Their variants, which were shared, are made again."""
    path = tmp_path / "imagesvc.db"
    with sqlite_engine(path).connect() as connection:
        with transaction(connection):
            upgrade(connection, "0004")
        with transaction(connection):
            for statement in OLD_ROWS:
                connection.exec_driver_sql(statement)

    migrate(path)

    with sqlite_engine(path).connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT sha256, is_analysed, share_location FROM images ORDER BY sha256"
        )
        assert [tuple(row) for row in found] == [("a", 1, 0), ("b", 0, 0)]
        assert connection.exec_driver_sql("SELECT * FROM variants").all() == []
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []


async def test_blobs_of_before_have_their_digests_for_names(tmp_path: Path) -> None:
    """No row of an embedded installation changes."""
    path = tmp_path / "imagesvc.db"
    image, job = image_and_job()
    with sqlite_engine(path).connect() as connection:
        with transaction(connection):
            upgrade(connection, "0019")
        with transaction(connection):
            digest = image.original.digest
            connection.exec_driver_sql(
                "INSERT INTO blobs (sha256, bytes, created_at, mezzanine_sha256, mezzanine_format,"
                " mezzanine_width, mezzanine_height) VALUES (?, 9, 0, 'b', 'jpeg', 2, 1)",
                (digest,),
            )

    migrate(path)

    database = EmbeddedDatabase(path)
    images = ImageStore(database)
    await images.add(image, job)
    await database.write(lambda connection: mark_analysed(connection, image.id))
    original = (await images.get(image.id)).original
    await database.close()
    assert original.name == BlobName(digest)
    assert original.mezzanine is not None
    assert original.mezzanine.name == "b"
