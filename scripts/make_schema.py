"""`make schema`: what the migrations together make of an empty SQLite database, as one script.

A start with an empty data directory runs it instead of them; a test holds the two together.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from sqlalchemy import text

from imagesvc.store.db.sqlite.engine import sqlite_engine, transaction
from imagesvc.store.db.sqlite.expected import NEWEST
from imagesvc.store.db.sqlite.migrate import upgrade

# Tables that others make for themselves come with those.
STATEMENTS = """
SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'
AND tbl_name NOT IN (SELECT name FROM pragma_table_list WHERE type = 'shadow') ORDER BY rowid
"""


def newest(path: Path) -> str:
    """The script for the schema of a database at `path`, which is made by the migrations."""
    with sqlite_engine(path).connect() as connection:
        with transaction(connection):
            upgrade(connection)
        return statements(path)


def statements(path: Path) -> str:
    """The script for the schema that a database has."""
    with sqlite_engine(path).connect() as connection:
        return "".join(f"{statement};\n\n" for statement in connection.scalars(text(STATEMENTS)))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        NEWEST.write_text(newest(Path(folder) / "empty.db"))
