"""Fills a database with images and jobs that are rows alone, straight into its tables.

The same number and spread always give the same rows: words as often as in natural language (Zipf),
a few tags each, several owners and visibilities, dates over years, one job with two operations.
"""

from __future__ import annotations

import itertools
import json
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from imagesvc.store.db.sqlite.engine import sqlite_engine, transaction
from imagesvc.store.db.sqlite.migrate import migrate
from imagesvc.store.search.colors import cell, lab

SYLLABLES = [a + b for a in "bcdfglmnprst" for b in "aeiou"]
FIRST_DAY = datetime(2010, 1, 1, tzinfo=UTC)
OWNERS = 8
BATCH = 20_000
CAMERAS = (("FUJIFILM", "X100V"), ("Canon", "EOS 5D"), ("SONY", "ILCE-7M3"), ("Apple", "iPhone 12"))
SIZES = ((6000, 4000), (4000, 6000), (4032, 3024), (1920, 1080))
"""Width and height of the images, in pixels."""
_SEARCH = import_module("imagesvc.store.db.sqlite.migrations.versions.0004_search")
"""The statements that fill the search: once for all rows they take a fifth of the time."""
_MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Spread:
    """Over how many words, tags, collections and years images are spread."""

    words: int = 19_500
    tags: int = 500
    collections: int = 50
    years: int = 16
    statuses: tuple[int, int, int] = (97, 2, 1)
    """How many of a hundred jobs have succeeded, failed, and been cancelled."""


DENSE = Spread(words=20, tags=8, collections=10, years=2, statuses=(80, 10, 10))
"""A spread at which a thousand images fill a page for each combination of two."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words and tags, the most frequent first."""

    words: list[str]
    tags: list[str]


def vocabulary(spread: Spread) -> Vocabulary:
    """The first words and tags of a list that is the same for every population."""
    chance = random.Random(7)
    words: dict[str, None] = {}
    while len(words) < 20_000:
        words["".join(chance.choices(SYLLABLES, k=chance.randint(2, 4)))] = None
    found = list(words)
    return Vocabulary(found[500:][: spread.words], found[:500][: spread.tags])


def populate(path: Path, count: int, spread: Spread) -> None:
    """Make the database at `path` and give it `count` images with their blobs and jobs."""
    migrate(path)
    engine = sqlite_engine(path)
    with engine.connect() as connection:
        for pragma in ("synchronous = OFF", "cache_size = -800000"):
            connection.exec_driver_sql(f"PRAGMA {pragma}")
        rows = _rows(count, spread)
        with transaction(connection):
            connection.exec_driver_sql(
                "INSERT INTO collections (id, title, description, visibility, image_count, version,"
                " created_at, updated_at) VALUES (?, 'c', '', 'public', 0, 1, 0, 0)",
                [(collection_id(number),) for number in range(spread.collections)],
            )
            _insert_users(connection)
        kept = connection.exec_driver_sql(
            "SELECT type, name, sql FROM sqlite_master"
            " WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"
        ).all()
        for kind, name, _sql in kept:
            connection.exec_driver_sql(f"DROP {kind} {name}")
        while batch := list(itertools.islice(rows, BATCH)):
            with transaction(connection):
                for table, values in _tables(batch).items():
                    names = ", ".join(values[0])
                    marks = ", ".join(f":{name}" for name in values[0])
                    connection.exec_driver_sql(
                        f"INSERT INTO {table} ({names}) VALUES ({marks})", values
                    )
        with transaction(connection):
            connection.exec_driver_sql(_SEARCH.INDEX)
            connection.exec_driver_sql(
                _SEARCH.BANDS.format(row="b.", source="blobs AS b, ") + " ORDER BY 1, 2"
            )
            for _kind, _name, sql in sorted(kept):  # indexes first
                connection.exec_driver_sql(sql)
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()


def _insert_users(connection: Any) -> None:
    connection.exec_driver_sql(
        "INSERT INTO users (id, name, is_admin, is_disabled, image_count, image_bytes, created_at)"
        " VALUES (?, ?, 0, 0, 0, 0, 0)",
        [(owner_id(number), f"owner-{number}") for number in range(OWNERS)],
    )


def owner_id(number: int) -> str:
    """The id of one of the owners, as its column has it."""
    return _uuid7(1, number)


def collection_id(number: int) -> str:
    """The id of one of the collections, as its column has it."""
    return _uuid7(2, number)


def _uuid7(milliseconds: int, number: int) -> str:
    return uuid.UUID(int=milliseconds << 80 | 7 << 76 | 2 << 62 | number).hex


def _tables(batch: list[dict[str, dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    tables = {table: [row[table] for row in batch] for table in ("blobs", "images", "jobs")}
    tables["job_operations"] = [
        {"job_id": row["jobs"]["id"], "position": position, "name": name, "transform": "w=256",
         "status": "succeeded"}
        for row in batch for position, name in enumerate(("thumbnail", "preview"))
    ]  # fmt: skip
    return tables


def _rows(count: int, spread: Spread) -> Iterator[dict[str, dict[str, Any]]]:
    chance = random.Random(count)
    known = vocabulary(spread)
    words = _Zipf(known.words, chance)
    tags = _Zipf(known.tags, chance)
    palettes = [_palette(chance) for _ in range(5_000)]
    for number in range(1, count + 1):
        created = FIRST_DAY + timedelta(days=365 * spread.years * number / count)
        microseconds = int(created.timestamp() * _MICROSECONDS)
        milliseconds = microseconds // 1000
        digest = f"{chance.getrandbits(256):064x}"
        image_id, job_id = _uuid7(milliseconds, number), _uuid7(milliseconds, number + (1 << 40))
        owner = owner_id(chance.randrange(OWNERS)) if chance.random() < 0.8 else None
        status = chance.choices(["succeeded", "failed", "cancelled"], spread.statuses)[0]
        size = int(chance.lognormvariate(14, 1))
        filename = f"IMG_{number:07}.jpg"
        make, model = chance.choice(CAMERAS)
        palette, palette_lab = chance.choice(palettes)
        width, height = chance.choice(SIZES)
        yield {
            "blobs": {
                "sha256": digest, "bytes": size, "created_at": microseconds,
                "dominant_color": "#888888", "thumbhash": "1QcSHQRnh493V4dIh4eXh1h4kJUI",
                "palette": palette, "palette_lab": palette_lab,
                "phash": f"{chance.getrandbits(64):016x}",
            },
            "images": {
                "id": image_id, "sha256": digest, "format": "jpeg", "width": width,
                "height": height, "frames": 1, "has_alpha": 0, "decode_bytes": 1, "bytes": size,
                "filename": filename, "title": " ".join(words.take(4)),
                "description": " ".join(words.take(9)), "tags": json.dumps(tags.take(4)),
                "exif": json.dumps({"make": make, "model": model}), "visibility":
                chance.choices(["public", "unlisted", "private"], [80, 5, 15])[0],
                "status": "succeeded" if status == "succeeded" else "failed", "job_id": job_id,
                "created_at": microseconds, "updated_at": microseconds,
                "completed_at": microseconds, "owner_id": owner,
                "collection_id": collection_id(chance.randrange(spread.collections)),
                "number": number, "name_key": filename.lower(),
                "dated_at": microseconds - chance.randrange(30 * 86400 * _MICROSECONDS),
            },
            "jobs": {
                "id": job_id, "image_id": image_id, "lane": 1, "status": status, "attempts": 1,
                "interruptions": 0, "due_at": microseconds, "created_at": microseconds,
                "started_at": microseconds, "finished_at": microseconds, "owner_id": owner,
            },
        }  # fmt: skip


def _palette(chance: random.Random) -> tuple[str, str]:
    colors = [f"{chance.getrandbits(24):06x}" for _ in range(3)]
    labs = [lab(color) for color in colors]
    return (
        json.dumps([f"#{color}" for color in colors]),
        json.dumps([[cell(color), *color] for color in labs]),
    )


class _Zipf:
    """Picks words, each about as often as its place in the list says."""

    def __init__(self, words: list[str], chance: random.Random) -> None:
        self._words = words
        self._weights = list(itertools.accumulate(1 / (place + 10) for place in range(len(words))))
        self._chance = chance

    def take(self, count: int) -> list[str]:
        """Some of them, perhaps one twice."""
        return self._chance.choices(self._words, cum_weights=self._weights, k=count)
