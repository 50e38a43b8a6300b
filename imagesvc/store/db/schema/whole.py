"""All tables together, for migrations and for what compares a database with them."""

from __future__ import annotations

from imagesvc.store.db.schema import (
    accounts,
    cdn,
    events,
    images,
    installation,
    jobs,
    requests,
    saved,
    sessions,
    sharing,
    sources,
)
from imagesvc.store.db.schema.metadata import SEARCH_TABLE, metadata

GROUPS = (
    accounts, cdn, events, images, installation, jobs, requests, saved, sessions, sharing, sources,
)  # fmt: skip
WHOLE = metadata
"""Once `GROUPS` are imported, it has each of their tables."""


def is_in_metadata(name: str | None, kind: str, _parents: object) -> bool:
    """Alembic's `include_name`: leaves out the full-text index and its FTS5 tables."""
    return kind != "table" or name is None or not name.startswith(SEARCH_TABLE)
