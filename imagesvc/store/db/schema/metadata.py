"""What all tables share: their metadata, and the name of the one that is not in it."""

from __future__ import annotations

from sqlalchemy import (
    MetaData,
)

SEARCH_TABLE = "image_search"
"""The full-text index, an FTS5 table by `images.number`; triggers keep it. Not in `metadata`, since
SQLAlchemy has no virtual tables: migration 0004 says what its columns hold."""


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
