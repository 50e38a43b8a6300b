"""Queries about idempotency records: first answers to requests with an Idempotency-Key."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, select

from imagesvc.errors import RequestInProgress
from imagesvc.model.uploads import IdempotencyRecord
from imagesvc.store.db.database import Database
from imagesvc.store.db.schema.requests import receipts
from imagesvc.store.db.upserts import Upsert


@dataclass(frozen=True, slots=True)
class IdempotencyStore:
    """The idempotency records of one database."""

    database: Database

    async def find(self, principal: str, key: str, *, now: datetime) -> IdempotencyRecord | None:
        """The record of a principal's key, unless it has expired."""
        parameters = {"principal": principal, "key": key, "now": now}
        row = await self.database.read(
            lambda connection: connection.execute(_ONE_RECORD, parameters).first()
        )
        return None if row is None else _record(row)

    async def add(self, record: IdempotencyRecord) -> None:
        """Insert a record.

        Raises:
            RequestInProgress: another node was faster.
        """
        await self.database.write(lambda connection: insert_record(connection, record), wakes=False)

    async def prune(self, now: datetime) -> int:
        """Delete those that have expired; how many."""
        expired = delete(receipts).where(receipts.c.expires_at <= now)
        return await self.database.write(
            lambda connection: connection.execute(expired).rowcount, wakes=False
        )


def insert_record(connection: Connection, record: IdempotencyRecord) -> None:
    """Insert a record in the transaction that makes its answer true.

    Raises:
        RequestInProgress: there is one already; the transaction must not be.
    """
    inserted = connection.execute(_INSERT_RECORD.on(connection), asdict(record))
    if inserted.first() is None:
        raise RequestInProgress("Another request with this Idempotency-Key was faster; try again.")


_ONE_RECORD = select(receipts).where(
    receipts.c.principal == bindparam("principal"),
    receipts.c.key == bindparam("key"),
    receipts.c.expires_at > bindparam("now"),
)


def _or_replace_expired(insert: Any) -> Any:
    new = insert.excluded
    return insert.on_conflict_do_update(
        index_elements=["principal", "key"],
        set_={column.name: new[column.name] for column in receipts.c if not column.primary_key},
        where=receipts.c.expires_at <= new.created_at,
    ).returning(receipts.c.key)


_INSERT_RECORD = Upsert(receipts, _or_replace_expired)


def _record(row: Row[Any]) -> IdempotencyRecord:
    return IdempotencyRecord(
        principal=row.principal,
        key=row.key,
        fingerprint=row.fingerprint,
        status=row.status,
        headers=row.headers,
        body=row.body,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )
