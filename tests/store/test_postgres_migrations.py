"""Migrations of PostgreSQL: what was made by version 0019, the first, becomes the newest schema."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, create_engine, event, text

from imagesvc.errors import ImagesvcError
from imagesvc.model.ids import ImageId
from imagesvc.store.db.postgres.database import PostgresDatabase
from imagesvc.store.db.postgres.migrate import migrate, require_current, revision_of
from imagesvc.store.db.sqlite.migrate import DatabaseNewer, DatabaseOlder
from imagesvc.store.images import ImageStore
from tests.conftest import EMPTY
from tests.postgres import Postgres
from tests.store.rows import image_and_job

pytestmark = [pytest.mark.anyio, pytest.mark.cluster]

FIRST = Path(__file__).with_name("postgres-0019.sql")
"""What `create` made at revision 0019."""
ROWS = """
INSERT INTO blobs (sha256, bytes, created_at, mezzanine_sha256, mezzanine_format,
  mezzanine_width, mezzanine_height)
VALUES ('a', 9, 0, 'b', 'jpeg', 2, 1), ('b', 5, 0, NULL, NULL, NULL, NULL);
INSERT INTO images (id, sha256, format, width, height, frames, has_alpha, decode_bytes, bytes,
  filename, title, description, tags, exif, visibility, status, created_at, updated_at, number,
  is_analysed)
VALUES ('{id}', 'a', 'jpeg', 4, 3, 1, false, 36, 9, 'a.jpg', 'Old', '', '[]', '{{}}', 'public',
  'succeeded', 0, 0, nextval('image_numbers'), true);
CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
INSERT INTO alembic_version VALUES ('0019');
"""
SCHEMA = """
SELECT concat_ws(' ', table_name, column_name, data_type, character_maximum_length, is_nullable,
  column_default, collation_name)
FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'
UNION ALL SELECT indexdef FROM pg_indexes
WHERE schemaname = 'public' AND tablename <> 'alembic_version'
UNION ALL SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'alembic_version'
UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
ORDER BY 1
"""
TRIGGER = "procrastinate_trigger_status_events_update_v1"
"""Which the newest migration of the queue's tables makes."""
OLD = ImageId(image_and_job()[0].id)


@pytest.fixture
def old(postgres: Postgres) -> Iterator[Engine]:
    """A database of 0019 with an image that has a mezzanine."""
    with postgres.copy_of("template0") as url:
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.exec_driver_sql(FIRST.read_text())
            connection.exec_driver_sql(ROWS.format(id=OLD))
        yield engine
        engine.dispose()


def schema(connection: Connection) -> list[str]:
    """Columns, indexes, constraints, triggers and functions."""
    return list(connection.exec_driver_sql(SCHEMA).scalars())


def test_an_upgraded_database_has_the_schema_of_a_new_one(old: Engine, postgres: Postgres) -> None:
    """Upgrades are Alembic's; a new database is made of the tables."""
    assert migrate(old) == "0019"

    require_current(old)
    with postgres.copy_of(EMPTY) as url:
        new = create_engine(url)
        with old.connect() as upgraded, new.connect() as made:
            assert schema(upgraded) == schema(made)
        new.dispose()


async def test_rows_of_before_are_as_they_were_and_others_are_added(old: Engine) -> None:
    """Blobs of then have their digests for names."""
    migrate(old)

    database = PostgresDatabase(old.url.render_as_string(hide_password=False))
    images = ImageStore(database)
    await images.add(*image_and_job())
    image = await images.get(OLD)
    await database.close()
    assert (image.title, image.original.name) == ("Old", "a")
    assert image.original.mezzanine is not None
    assert image.original.mezzanine.name == "b"


def test_an_upgrade_that_fails_changes_nothing(old: Engine) -> None:
    """The next one does it all."""
    with old.connect() as connection:
        before = schema(connection)

    @event.listens_for(old, "before_cursor_execute")
    def fail(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if "mezzanine_name" in statement:
            raise ImagesvcError("stopped")

    with pytest.raises(ImagesvcError, match="stopped"):
        migrate(old)

    event.remove(old, "before_cursor_execute", fail)
    with old.connect() as connection:
        assert schema(connection) == before
        assert revision_of(connection) == "0019"
        assert connection.scalar(text("SELECT count(*) FROM images")) == 1
    assert migrate(old) == "0019"
    require_current(old)


def test_the_tables_of_the_queue_are_upgraded_with_ours(postgres: Postgres) -> None:
    """A database without them, or with older ones, is refused before; with newer ones, always."""
    with postgres.copy_of(EMPTY) as url:
        engine = create_engine(url)
        version = "UPDATE job_engine_version SET migration = '{}'"
        older = [f"DROP TRIGGER {TRIGGER} ON procrastinate_jobs", version.format("03.04.00_01_z")]
        with engine.begin() as connection:
            for statement in older:
                connection.exec_driver_sql(statement)

        with pytest.raises(DatabaseOlder, match="imagesvc migrate"):
            require_current(engine)
        migrate(engine)
        require_current(engine)
        migrate(engine)

        with engine.begin() as connection:
            found = text("SELECT count(*) FROM pg_trigger WHERE tgname = :name")
            assert connection.scalar(found, {"name": TRIGGER}) == 1
            connection.exec_driver_sql(version.format("99.00"))
        for newer in (migrate, require_current):
            with pytest.raises(DatabaseNewer, match="procrastinate"):
                newer(engine)
        engine.dispose()
