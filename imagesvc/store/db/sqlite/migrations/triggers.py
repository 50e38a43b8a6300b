"""Changes of triggers by later migrations, which replace parts of their text."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op


def amend_trigger(name: str, changes: Sequence[tuple[str, str]]) -> None:
    """Make a trigger again, with the first occurrence of each old part replaced by the new one."""
    connection = op.get_bind()
    query = sa.text("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = :name")
    statement: str = connection.execute(query, {"name": name}).scalar_one()
    for old, new in changes:
        if old not in statement:
            raise RuntimeError(f"The trigger {name} lacks {old!r}.")
        statement = statement.replace(old, new, 1)
    connection.exec_driver_sql(f"DROP TRIGGER {name}")
    connection.exec_driver_sql(statement)
