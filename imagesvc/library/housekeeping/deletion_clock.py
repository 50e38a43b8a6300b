"""The clock for deletions: after a jump, nothing is deleted, and images in the trash get time back.

A machine without a battery starts in 1970 or 2001, and network time corrects it later. What was put
into the trash or expires would then be due at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from imagesvc.model.ids import utc_now
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.last_run import last_run_at, note_run
from imagesvc.store.removal.trash import TrashStore

log = structlog.get_logger()

JUMP = timedelta(minutes=10)
"""A clock that differs by more from the time that passed has jumped."""
AWAY = timedelta(days=8)
"""A server may have been off for so long; a clock that is later has jumped."""
HOLD_SECONDS = 6 * 3600.0
"""How long nothing is deleted after a jump forward, while a server runs: an operator sees it."""
AGES = timedelta(days=365 * 1000)
BATCH = 500


def boot_time() -> float:
    """Seconds since the machine was started, also while it slept; nothing sets this clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class DeletionClock:
    """Compares the clock with the time that passed, in this process and since the last one."""

    def __init__(
        self,
        store: TrashStore,
        data_dir: DataDir,
        clock: Callable[[], datetime] = utc_now,
        passed: Callable[[], float] = boot_time,
    ) -> None:
        self._store = store
        self._last_run, self._held = data_dir.last_run, data_dir.deletions_held
        self._clock = clock
        self._passed = passed
        self._seen: tuple[datetime, float] | None = None
        self._held_until: float | None = None

    @property
    def is_held(self) -> bool:
        """Whether nothing is deleted now, since the clock has jumped forward."""
        return self._held_until is not None

    async def time(self) -> datetime | None:
        """The time up to which images may be deleted; None if the clock cannot be trusted yet.

        The trash is corrected after a jump. The time is noted for the next process, and so is a
        hold: a restart begins it again, and other processes delete nothing, either.
        """
        now, passed = self._clock(), self._passed()
        gap = await self._gap(now, passed)
        if gap is None:
            await self._count_again(AGES, now)
        elif gap > (AWAY if self._seen is None else JUMP):
            await self._count_again(gap, now)
            self._held_until = passed + HOLD_SECONDS
            _warn("the clock was set forward, or no server ran for long", gap, now)
        elif gap < -JUMP:
            await self._count_again(timedelta(), now)
            _warn("the clock was set back", gap, now)
        if self._seen is None and await asyncio.to_thread(self._held.exists):
            self._held_until = passed + HOLD_SECONDS
        self._seen = now, passed
        if self._held_until is not None and passed >= self._held_until:
            self._held_until = None
        await asyncio.to_thread(self._note, now)
        return None if self.is_held else now

    def _note(self, now: datetime) -> None:
        """Note the hold, then the time; without the first, the next process must see the jump."""
        if self.is_held:
            try:
                self._held.touch(0o600)
            except OSError:  # a full disk
                return
        else:
            self._held.unlink(missing_ok=True)
        note_run(self._last_run, now)

    async def peek(self) -> datetime | None:
        """As `time`, but nothing is changed."""
        now, passed = self._clock(), self._passed()
        gap = await self._gap(now, passed)
        is_trusted = gap is not None and gap <= (AWAY if self._seen is None else JUMP)
        is_held = self.is_held or await asyncio.to_thread(self._held.exists)
        return now if is_trusted and not is_held else None

    async def _gap(self, now: datetime, passed: float) -> timedelta | None:
        """How much more the clock has advanced than the time; None if nothing is known."""
        if self._seen is not None:
            seen_at, seen_passed = self._seen
            return now - seen_at - timedelta(seconds=passed - seen_passed)
        last = await asyncio.to_thread(last_run_at, self._last_run)
        return None if last is None else now - last

    async def _count_again(self, lost: timedelta, now: datetime) -> None:
        """Move the times of the trash forward by what was lost, but not beyond the present."""
        image_ids = await self._store.of_owner(None)
        for start in range(0, len(image_ids), BATCH):
            await self._store.move_times(image_ids[start : start + BATCH], by=lost, latest=now)


def _warn(text: str, gap: timedelta, now: datetime) -> None:
    log.warning(
        text,
        action="clock.jumped",
        seconds=round(gap.total_seconds()),
        now=now.isoformat(),
        deletions_held=gap > timedelta(),
    )
