"""The types of columns with texts, for both databases."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.types import TypeEngine


def short_text(length: int) -> TypeEngine[str]:
    """A text of at most so many characters, which sorts by code points in every database."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")
