"""Search: what images are found and sorted by, kept in step by triggers.

Nothing that writes to `images` or `blobs` has to know that there is a search: triggers keep
`image_search` and `phash_bands`. The full-text table has a copy of the texts (FTS5's own content
table), so that a row can be deleted by its number alone; SQLite before 3.43 offers that to no
table without a copy, and one that reads its texts from `images` is damaged by any delete without
the old values.

Beside the texts, a row of `image_search` has two columns of terms that no text can bring about,
since they are searched by name alone: `labels` has each tag between two characters U+E001, which
belong to its first and last word, so that "sea" is not found in "sea of sand"; `keys` has who may
see the image, its date in parts, format, orientation and the cells of its colours.
"""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

from imagesvc.store.db.schema.columns import Instant
from imagesvc.store.search.colors import cell, lab
from imagesvc.store.search.keys import dated_at, name_key

revision = "0004"
down_revision = "0003"

BATCH = 1_000
SECONDS = "i.dated_at / 1000000, 'unixepoch'"
KEYS = f"""
    'v' || i.visibility || ' ' || coalesce('o' || i.owner_id, '') || ' f' || i.format
    || CASE WHEN i.width > i.height THEN ' slandscape'
            WHEN i.width < i.height THEN ' sportrait' ELSE ' ssquare' END
    || strftime(' y%Y m%Y%m d%Y%m%d n%m x%d', {SECONDS})
    || ' e' || substr(strftime('%Y', {SECONDS}), 1, 3)
    || ' c' || substr(strftime('%Y', {SECONDS}), 1, 2)
    || coalesce((SELECT group_concat(' k' || json_extract(value, '$[0]'), '')
                 FROM json_each(b.palette_lab)), '')
"""
INDEX = f"""
    INSERT INTO image_search (rowid, title, description, tags, filename, camera, labels, keys)
    SELECT i.number, i.title, i.description,
        (SELECT group_concat(value, ' ') FROM json_each(i.tags)),
        i.filename,
        coalesce(json_extract(i.exif, '$.make') || ' ', '')
            || coalesce(json_extract(i.exif, '$.model'), ''),
        (SELECT group_concat(char(0xE001) || value || char(0xE001), ' ') FROM json_each(i.tags)),
        {KEYS}
    FROM images AS i JOIN blobs AS b ON b.sha256 = i.sha256
"""
BANDS = """
    INSERT OR IGNORE INTO phash_bands (band, phash, sha256)
    SELECT key || substr({row}phash, 1 + 4 * key, 4), {row}phash, {row}sha256
    FROM {source}json_each('[0, 1, 2, 3]') WHERE {row}phash IS NOT NULL
"""
TRIGGERS = (
    f"""CREATE TRIGGER image_search_insert AFTER INSERT ON images BEGIN
        {INDEX} WHERE i.id = NEW.id; END""",
    f"""CREATE TRIGGER image_search_update
        AFTER UPDATE OF number, title, description, tags, filename, visibility, owner_id ON images
        BEGIN DELETE FROM image_search WHERE rowid = OLD.number;
        {INDEX} WHERE i.id = NEW.id; END""",
    """CREATE TRIGGER image_search_delete AFTER DELETE ON images BEGIN
        DELETE FROM image_search WHERE rowid = OLD.number; END""",
    f"""CREATE TRIGGER image_search_colors AFTER UPDATE OF palette_lab ON blobs
        WHEN NEW.palette_lab IS NOT OLD.palette_lab BEGIN
        DELETE FROM image_search
            WHERE rowid IN (SELECT number FROM images WHERE sha256 = NEW.sha256);
        {INDEX} WHERE i.sha256 = NEW.sha256; END""",
    f"""CREATE TRIGGER phash_bands_insert AFTER INSERT ON blobs WHEN NEW.phash IS NOT NULL BEGIN
        {BANDS.format(row="NEW.", source="")}; END""",
    f"""CREATE TRIGGER phash_bands_update AFTER UPDATE OF phash ON blobs
        WHEN NEW.phash IS NOT OLD.phash BEGIN
        DELETE FROM phash_bands WHERE sha256 = OLD.sha256 AND phash = OLD.phash
            AND band IN (SELECT key || substr(OLD.phash, 1 + 4 * key, 4)
                         FROM json_each('[0, 1, 2, 3]'));
        {BANDS.format(row="NEW.", source="")}; END""",
    """CREATE TRIGGER phash_bands_delete AFTER DELETE ON blobs WHEN OLD.phash IS NOT NULL BEGIN
        DELETE FROM phash_bands WHERE sha256 = OLD.sha256 AND phash = OLD.phash
            AND band IN (SELECT key || substr(OLD.phash, 1 + 4 * key, 4)
                         FROM json_each('[0, 1, 2, 3]')); END""",
)


def upgrade() -> None:
    """Add the sort columns, the search, and the rows of existing images."""
    op.add_column("images", sa.Column("number", sa.Integer, nullable=False, server_default="0"))
    op.add_column("images", sa.Column("dated_at", Instant, nullable=False, server_default="0"))
    op.add_column("images", sa.Column("name_key", sa.Text, nullable=False, server_default=""))
    op.add_column("blobs", sa.Column("palette_lab", sa.JSON, nullable=True))
    op.create_table(
        "phash_bands",
        sa.Column("band", sa.String(5), primary_key=True),
        sa.Column("phash", sa.String(16), primary_key=True),
        sa.Column("sha256", sa.String(64), primary_key=True),
        sqlite_with_rowid=False,
    )
    _fill_images()
    _fill_colors()
    op.drop_index("ix_images_owner_id_id", "images")
    op.drop_index("ix_images_visibility_id", "images")
    op.create_index("ix_images_number", "images", ["number"], unique=True)
    op.create_index("ix_images_collection_id_number", "images", ["collection_id", "number"])
    for whose in ("owner_id", "visibility"):
        for keys in (["number"], *([key, "number"] for key in ("dated_at", "bytes", "name_key"))):
            op.create_index(f"ix_images_{whose}_{'_'.join(keys)}", "images", [whose, *keys])
    op.execute(
        """CREATE VIRTUAL TABLE image_search USING fts5(
            title, description, tags, filename, camera, labels, keys,
            columnsize = 0, prefix = '1 2 3',
            tokenize = "unicode61 remove_diacritics 2 categories 'L* N* Co So'")"""
    )
    op.execute(INDEX)
    op.execute(BANDS.format(row="b.", source="blobs AS b, "))
    for trigger in TRIGGERS:
        op.get_bind().exec_driver_sql(trigger)


def _fill_images() -> None:
    """Number the images in the order of their ids, which is that of their making."""
    images = sa.table(
        "images",
        sa.column("id", sa.Uuid),
        sa.column("filename"),
        sa.column("exif", sa.JSON),
        sa.column("created_at", Instant),
        sa.column("number"),
        sa.column("dated_at", Instant),
        sa.column("name_key"),
    )
    change = (
        sa.update(images)
        .where(images.c.id == sa.bindparam("of"))
        .values(
            number=sa.bindparam("number"),
            dated_at=sa.bindparam("dated_at"),
            name_key=sa.bindparam("name_key"),
        )
    )
    query = sa.select(images.c.id, images.c.filename, images.c.exif, images.c.created_at)
    rows = op.get_bind().execute(query.order_by(images.c.id)).all()
    values: list[dict[str, Any]] = [
        {
            "of": row.id,
            "number": number,
            "dated_at": dated_at(row.exif, row.created_at),
            "name_key": name_key(row.filename),
        }
        for number, row in enumerate(rows, 1)
    ]
    _in_batches(change, values)


def _fill_colors() -> None:
    blobs = sa.table("blobs", sa.column("sha256"), sa.column("palette"), sa.column("palette_lab"))
    change = (
        sa.update(blobs)
        .where(blobs.c.sha256 == sa.bindparam("of"))
        .values(palette_lab=sa.bindparam("lab"))
    )
    query = sa.select(blobs.c.sha256, blobs.c.palette).where(blobs.c.palette.is_not(None))
    values = []
    for row in op.get_bind().execute(query):
        colors = [lab(color) for color in json.loads(row.palette)]
        text = json.dumps([[cell(color), *color] for color in colors])
        values.append({"of": row.sha256, "lab": text})
    _in_batches(change, values)


def _in_batches(change: sa.Update, values: list[dict[str, Any]]) -> None:
    for start in range(0, len(values), BATCH):
        op.get_bind().execute(change, values[start : start + BATCH])


def downgrade() -> None:
    """Drop the search; the columns stay, since older code passes them over."""
    raise NotImplementedError("Restore a backup instead.")
