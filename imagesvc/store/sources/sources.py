"""Queries about watched sources and their files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from imagesvc.errors import NO_SUCH_ID, Conflict, NotFound
from imagesvc.model.ids import Digest, ImageId, SourceId, UserId
from imagesvc.model.images import Visibility
from imagesvc.model.sources import KnownEntry, OnVanish, ScanResult, Source, SourceKind
from imagesvc.store.db.database import Database
from imagesvc.store.db.pages import Page, newest, page_of
from imagesvc.store.db.schema.sources import source_entries, sources
from imagesvc.store.db.upserts import Upsert

MAX_SOURCES = 1_000
EDITABLE = (
    "interval_seconds", "collection", "tags", "visibility", "on_vanish", "is_enabled",
    "updated_at", "next_scan_at",
)  # fmt: skip


class SourceStore:
    """The sources of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, source: Source) -> None:
        """Insert a source.

        Raises:
            Conflict: there are as many as there may be.
        """

        def work(connection: Connection) -> None:
            count = connection.scalar(select(func.count()).select_from(sources)) or 0
            if count >= MAX_SOURCES:
                raise Conflict(f"There are {MAX_SOURCES:,} sources; delete one of them first.")
            connection.execute(insert(sources), [_values(source)])

        await self._database.write(work, wakes=False)

    async def page(self, *, limit: int, after: UUID | None) -> Page[Source]:
        """Sources, the newest first, those older than `after`."""
        query = newest(select(sources), sources.c.id, limit=limit, after=after)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return page_of(rows, limit, _source)

    async def get(self, source_id: SourceId) -> Source:
        """A source.

        Raises:
            NotFound: there is none.
        """
        return await self._database.read(lambda connection: _get(connection, source_id))

    async def edit(self, source_id: SourceId, change: Callable[[Source], Source]) -> Source:
        """Change the editable fields of a source.

        Raises:
            NotFound: there is no such source.
        """

        def work(connection: Connection) -> Source:
            changed = change(_get(connection, source_id))
            values = {name: value for name, value in _values(changed).items() if name in EDITABLE}
            connection.execute(update(sources).where(sources.c.id == source_id).values(values))
            return changed

        return await self._database.write(work, wakes=False)

    async def remove(self, source_id: SourceId) -> None:
        """Delete a source; its images stay."""
        await self._database.write(
            lambda connection: connection.execute(delete(sources).where(sources.c.id == source_id)),
            may_use_reserve=True,
            wakes=False,
        )

    async def enabled(self) -> list[Source]:
        """The sources that are scanned."""
        query = select(sources).where(sources.c.is_enabled.is_(True)).order_by(sources.c.id)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_source(row) for row in rows]

    async def entries(self, source_id: SourceId) -> dict[str, KnownEntry]:
        """The files of a source that were looked at before, by path: one statement."""
        query = select(source_entries).where(source_entries.c.source_id == source_id)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return {row.path: _entry(row) for row in rows}

    async def keep(
        self, source_id: SourceId, entries: Sequence[KnownEntry], gone: Sequence[str] = ()
    ) -> None:
        """Store what was found out about files, and forget the paths that have other names now."""
        if not entries and not gone:
            return
        rows = [_entry_values(source_id, entry) for entry in entries]

        def work(connection: Connection) -> None:
            if connection.scalar(select(sources.c.id).where(sources.c.id == source_id)) is None:
                return  # it was deleted during its scan
            if gone:
                connection.execute(_FORGET, [{"of": source_id, "named": path} for path in gone])
            if rows:
                connection.execute(_KEEP.on(connection), rows)

        await self._database.write(work, wakes=False)

    async def finish(
        self, source_id: SourceId, result: ScanResult, state: dict[str, Any], next_at: datetime
    ) -> None:
        """Store the result of a scan, and when the next one is due."""
        values = {"result": _result_values(result), "state": state, "next_scan_at": next_at}
        await self._database.write(
            lambda connection: connection.execute(
                update(sources).where(sources.c.id == source_id).values(values)
            ),
            wakes=False,
        )


_FORGET = delete(source_entries).where(
    source_entries.c.source_id == bindparam("of"), source_entries.c.path == bindparam("named")
)
_CHANGING = ("size", "mark", "sha256", "image_id", "is_gone")
_KEEP = Upsert(
    source_entries,
    lambda added: added.on_conflict_do_update(
        index_elements=("source_id", "path"),
        set_={name: added.excluded[name] for name in _CHANGING},
    ),
)


def _get(connection: Connection, source_id: SourceId) -> Source:
    row = connection.execute(select(sources).where(sources.c.id == source_id)).first()
    if row is None:
        raise NotFound(NO_SUCH_ID)
    return _source(row)


def _values(source: Source) -> dict[str, Any]:
    values = {name: getattr(source, name) for name in sources.c.keys()}  # noqa: SIM118
    result = None if source.result is None else _result_values(source.result)
    return {**values, "tags": list(source.tags), "result": result}


def _result_values(result: ScanResult) -> dict[str, Any]:
    return {
        **asdict(result),
        "started_at": result.started_at.isoformat(),
        "failures": list(result.failures),
    }


def _source(row: Row[Any]) -> Source:
    values = dict(row._mapping)  # noqa: SLF001  # its public name
    if row.result is not None:
        started = datetime.fromisoformat(row.result["started_at"])
        failures = tuple(row.result["failures"])
        values["result"] = ScanResult(**{**row.result, "started_at": started, "failures": failures})
    return Source(
        **{
            **values,
            "id": SourceId(row.id),
            "owner_id": None if row.owner_id is None else UserId(row.owner_id),
            "kind": SourceKind(row.kind),
            "tags": tuple(row.tags),
            "visibility": None if row.visibility is None else Visibility(row.visibility),
            "on_vanish": OnVanish(row.on_vanish),
        }
    )


def _entry(row: Row[Any]) -> KnownEntry:
    return KnownEntry(
        path=row.path,
        size=row.size,
        mark=row.mark,
        digest=None if row.sha256 is None else Digest(row.sha256),
        image_id=None if row.image_id is None else ImageId(row.image_id),
        is_gone=row.is_gone,
    )


def _entry_values(source_id: SourceId, entry: KnownEntry) -> dict[str, Any]:
    values = asdict(entry)
    return {"source_id": source_id, "sha256": values.pop("digest"), **values}
