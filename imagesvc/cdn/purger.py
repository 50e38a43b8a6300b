"""Sends purges to the CDN, in batches, until it confirms them."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import SystemRandom

import structlog
from anyio import fail_after, move_on_after

from imagesvc.cdn.providers import Provider, tag_of
from imagesvc.errors import ImagesvcError, InvalidRequest, Overloaded, SourceUnavailable, text_of
from imagesvc.model.ids import utc_now
from imagesvc.outages.outage import Outage
from imagesvc.outbound.requests import Outbound
from imagesvc.store.cdn.purges import Purge, PurgeQueue
from imagesvc.store.db.database import Database
from imagesvc.syntax.http_dates import instant_of

log = structlog.get_logger()

COLLECT_SECONDS = 1.0
"""From the request of a purge until it is sent. Changes of that time share a request, and responses
that were made before the change have left this server."""
PAUSE_SECONDS = 0.1
POLL_SECONDS = 5.0
REQUEST_SECONDS = 30.0
MAX_ANSWER = 65_536
FIRST_DELAY, MAX_DELAY = 5.0, 300.0
"""Seconds before the first further attempt, and the maximum when each doubles the last."""
MAX_RETRY_AFTER = 3600.0
JITTER = 0.2


class Refused(Exception):
    """A request for a purge has failed; `seconds` is what the CDN asks to wait, if it does."""

    def __init__(self, reason: str, seconds: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.seconds = seconds


@dataclass(slots=True)
class Record:
    """What has happened since the start."""

    requests: Counter[str]
    """Requests by outcome, `succeeded` and `failed`."""
    purged: int = 0
    """Images whose purge was confirmed."""
    confirmed_at: datetime | None = None
    error: str | None = None
    """Of the last request, if it failed."""


class Purger:
    """Purges changed images from a CDN; runs from `start()` to `stop()`."""

    def __init__(
        self,
        database: Database,
        queue: PurgeQueue,
        outbound: Outbound,
        provider: Provider,
        *,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._outbound = outbound
        self._clock = clock
        self._failures = 0
        self._not_before = 0.0
        self._loop: asyncio.Task[None] | None = None
        self._outage = Outage(
            "the CDN is not purged", "cdn.failed", "the CDN is purged again", "cdn.passed"
        )
        self.queue = queue
        self.provider = provider
        self.record = Record(Counter())

    def start(self) -> None:
        """Begin to send due purges."""
        self._loop = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End; what is not confirmed is sent after the next start."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)

    async def take_events(self) -> None:
        """Queue the purges of all events, so that the events may be deleted."""
        while await self.queue.take_events(self._clock()):
            pass

    async def _run(self) -> None:
        leadership = self._database.leadership
        with self._database.subscribe() as wake:
            while True:
                await leadership.elected()
                wake.clear()  # before the query: a later commit sets it again
                try:
                    pause = await leadership.while_leading(self._look())
                except ImagesvcError as error:
                    self._outage.failed(error=text_of(error))
                    pause = POLL_SECONDS
                except Exception:
                    log.exception("bug in the purging of the CDN", action="cdn.bug")
                    pause = POLL_SECONDS
                await asyncio.sleep(PAUSE_SECONDS)
                with move_on_after(pause):
                    await wake.wait()

    async def _look(self) -> float:
        """Send the purges that are due; returns the seconds until there may be more."""
        await self.take_events()
        while (wait := self._not_before - time.monotonic()) <= 0:
            now = self._clock()
            before = now - timedelta(seconds=COLLECT_SECONDS)
            batch = await self.queue.due(before, now, self.provider.tags_at_once)
            if not batch:
                waiting = await self.queue.waiting()
                return COLLECT_SECONDS / 2 if waiting.count else POLL_SECONDS
            await self._purge(batch)
        return min(wait, POLL_SECONDS)

    async def _purge(self, batch: Sequence[Purge]) -> None:
        try:
            await self._send([tag_of(purge.image_id) for purge in batch])
        except Refused as refusal:
            self._failures += 1
            self._not_before = time.monotonic() + self._delay(refusal)
            self.record.requests["failed"] += 1
            self.record.error = refusal.reason
            self._outage.failed(error=refusal.reason, cdn=self.provider.name)
            return
        await self.queue.settle(batch)
        self._failures = 0
        self.record.requests["succeeded"] += 1
        self.record.purged += len(batch)
        self.record.confirmed_at, self.record.error = self._clock(), None
        self._outage.passed()
        log.info("CDN purged", action="cdn.purged", cdn=self.provider.name, images=len(batch))

    async def _send(self, tags: Sequence[str]) -> None:
        """Purge some tags.

        Raises:
            Refused: the CDN has not confirmed it.
        """
        try:
            with fail_after(REQUEST_SECONDS):
                status, retry_after, body = await self._exchange(tags)
        except TimeoutError as error:
            raise Refused(f"The CDN takes longer than {REQUEST_SECONDS:g} s.") from error
        except (InvalidRequest, SourceUnavailable, Overloaded) as error:
            raise Refused(error.detail) from error
        if not self.provider.is_confirmed(status, body):
            reason = f"The CDN answers with status {status}."
            raise Refused(reason, seconds_of(retry_after, self._clock()))

    async def _exchange(self, tags: Sequence[str]) -> tuple[int, str, bytes]:
        place = await self._outbound.checked(self.provider.url)
        async with self._outbound.answer(place, self.provider.request(tags)) as answer:
            body = await self._outbound.beginning(place, answer, MAX_ANSWER)
            fields = {name.lower(): value for name, value in answer.headers}
            retry_after = fields.get(b"retry-after", b"").decode("latin-1")
            return answer.status, retry_after, body

    def _delay(self, refusal: Refused) -> float:
        """Seconds to wait after a failed request."""
        chance = SystemRandom().uniform(1 - JITTER, 1 + JITTER)
        doubled = FIRST_DELAY * 2.0 ** min(self._failures - 1, 16)
        return max(min(MAX_DELAY, doubled) * chance, refusal.seconds or 0.0)


def seconds_of(retry_after: str, now: datetime) -> float | None:
    """The seconds of a Retry-After field (RFC 9110, 10.2.3), one hour at most; None without one."""
    if retry_after.isascii() and retry_after.isdigit():
        return min(float(retry_after[:9]), MAX_RETRY_AFTER)
    instant = instant_of(retry_after)
    if instant is None:
        return None
    return min(max(0.0, (instant - now).total_seconds()), MAX_RETRY_AFTER)
