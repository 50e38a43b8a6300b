"""The metadata database: units of work are plain functions of a SQLAlchemy `Connection`."""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import TypeVar

import structlog
from sqlalchemy import Connection

from imagesvc.errors import DatabaseDamaged
from imagesvc.store.db.failures import DatabaseFailures
from imagesvc.store.db.leadership import Leadership
from imagesvc.store.db.lease import Forget, Lease

log = structlog.get_logger()

NEXT_STEPS = (
    "Stop the server and copy the data directory. Then restore a copy of imagesvc.db, or recover "
    'what can be read of it, as docs/data-directory.md says under "A damaged database". Do not run '
    "imagesvc gc before imagesvc check finds nothing: originals whose rows are lost look unused."
)
"""For an operator whose database is damaged."""

T = TypeVar("T")
Work = Callable[[Connection], T]


class Database(ABC):
    """What all stores read and write: one of SQLite or of PostgreSQL."""

    damage_shown_by = "imagesvc check"
    """What shows the details of damage."""
    damage_steps = NEXT_STEPS
    """What an operator does after damage."""

    def __init__(self, failures: DatabaseFailures | None = None) -> None:
        self.failures = failures or DatabaseFailures()
        self.is_damaged = False
        """Whether a statement has met damage since the start."""
        self._waiting: set[asyncio.Event] = set()
        self.lease: Lease | None = None
        """Of what is kept in memory; None where no other node can change it."""
        self.leadership = Leadership()
        """Of one node among those that use it."""

    @abstractmethod
    def check(self) -> None:
        """Make sure that it has the tables of this version; it blocks.

        Raises:
            DatabaseNewer, DatabaseOlder, SchemaDiffers: it is that of another version.
            DatabaseDamaged: it is no database, or was lost.
            Unavailable: it cannot be used now; the text says why.
        """

    @abstractmethod
    async def check_writes(self) -> None:
        """Check whether it takes changes, as far as is known without one.

        Raises:
            Unavailable: it only reads; the text says why.
            InsufficientStorage: it has refused a change, and is still full.
        """

    @abstractmethod
    async def size(self) -> int:
        """Bytes that it takes, with its log.

        Raises:
            Unavailable: the database cannot be read now.
        """

    @abstractmethod
    async def close(self) -> None:
        """Finish the writes that wait, then close every connection."""

    @abstractmethod
    async def read(self, work: Work[T]) -> T:
        """Run `work` on a connection where each statement sees the newest commit.

        Raises:
            Unavailable: the database cannot be read now.
            DatabaseDamaged: what is wanted of it is damaged.
        """

    @abstractmethod
    async def write(self, work: Work[T], *, may_use_reserve: bool = False, wakes: bool = True) -> T:
        """Run `work` in a transaction; on return it is committed and on disk.

        It may run more than once: `work` must depend on nothing but its connection. A cancelled
        requester does not end it.

        Args:
            work: what to do in the transaction.
            may_use_reserve: whether it may use the reserve on a full disk: it deletes, or ends
                access that was given.
            wakes: whether its commit concerns those who wait for one: not if it adds no event.

        Raises:
            InsufficientStorage: the disk is full; nothing was changed.
            Unavailable: the database cannot be written now; nothing was changed.
        """

    def follow_changes(self, forget: Forget) -> None:
        """Have what other nodes change forgotten here, until `close()`; there may be none."""
        del forget

    def wake(self) -> None:
        """Set the events of all who wait for a commit; call it in the event loop."""
        for waiting in self._waiting:
            waiting.set()

    @contextlib.contextmanager
    def subscribe(self) -> Iterator[asyncio.Event]:
        """An event that is set after each commit that may have added events."""
        waiting = asyncio.Event()
        self._waiting.add(waiting)
        try:
            yield waiting
        finally:
            self._waiting.discard(waiting)

    def note_damage(self) -> None:
        """Remember that the database is damaged; this is logged once."""
        if not self.is_damaged:
            self.is_damaged = True
            log.error("the database is damaged", action="database.damaged", next=self.damage_steps)

    def _note(self, error: BaseException | None) -> None:
        """Record the outcome of a unit of work."""
        if error is None:
            self.failures.passed()
        elif isinstance(error, DatabaseDamaged):
            self.note_damage()
        else:
            self.failures.failed(error)
