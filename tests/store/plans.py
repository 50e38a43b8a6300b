"""The query plans of statements, as SQLite explains them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import event

from imagesvc.store.db.sqlite.database import EmbeddedDatabase


async def plans(database: EmbeddedDatabase, work: Any) -> list[str]:
    """The query plans of each statement that `work` executes."""
    seen: list[tuple[str, Any]] = []

    def note(_c: Any, _k: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        seen.append((statement, parameters))

    event.listen(database._engine, "before_cursor_execute", note)
    await work
    event.remove(database._engine, "before_cursor_execute", note)
    assert seen

    def explain(connection: Any) -> list[str]:
        return [
            " | ".join(
                row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)
            )
            for text, values in seen
        ]

    return await database.read(explain)
