"""Sends events to webhooks, signed by Standard Webhooks 1.0, until they are acknowledged."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from random import SystemRandom

import structlog
from anyio import fail_after, move_on_after

from imagesvc.errors import ImagesvcError, InvalidRequest, Overloaded, SourceUnavailable, text_of
from imagesvc.model.ids import UserId, utc_now
from imagesvc.outages.outage import Outage
from imagesvc.outbound.requests import Outbound, Sent
from imagesvc.store.db.database import Database
from imagesvc.store.webhooks.deliveries import DeliveryStatus
from imagesvc.store.webhooks.outbox import Due, Outbox, Outcome
from imagesvc.tracing.spans import Kind, carrier, span
from imagesvc.webhooks.load import Load
from imagesvc.webhooks.release import wait_for_release
from imagesvc.webhooks.signatures import signed

log = structlog.get_logger()

MAX_AT_ONCE = 16
MAX_ATTEMPTS = 6
DELAY_FACTOR = 6
JITTER = 0.2
MAX_ANSWER = 4096
"""Bytes of a response that are read and ignored."""
FAN_OUT = 100
PAUSE_SECONDS = 0.1
"""The minimum time between two queries for events: many commits are one wake-up."""
POLL_SECONDS = 5.0
"""The maximum delay until a change by another process is noticed."""


@dataclass(frozen=True, slots=True)
class DispatcherLimits:
    """`seconds` limits one attempt; `retry_delay` is the delay after the first, in seconds."""

    seconds: float
    retry_delay: float
    patience: timedelta
    """How long a webhook may fail before it is disabled."""
    claim: timedelta | None = None
    """How long what this node sends is not sent by another; None if there is no other.

    It is longer than an attempt, so that its result can be recorded after an outage.
    """


class Dispatcher:
    """Makes deliveries of events, and sends them; runs from `start()` to `stop()`."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        outbound: Outbound,
        limits: DispatcherLimits,
        *,
        held_by: Path | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._held_by = held_by
        self._database = database
        self._outbox = outbox
        self._outbound = outbound
        self._limits = limits
        self._clock = clock
        self._running: dict[asyncio.Task[None], Due] = {}
        self._freed = asyncio.Event()
        self.attempts: Counter[DeliveryStatus] = Counter()
        """Attempts since the start by the resulting status; pending deliveries are sent again."""
        self._look_outage = Outage(
            "webhooks wait", "webhooks.failed", "webhooks are sent again", "webhooks.passed"
        )
        self._settle_outage = Outage(
            "delivery not settled", "webhooks.unsettled",
            "deliveries are settled again", "webhooks.settled",
        )  # fmt: skip
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start to send due deliveries."""
        self._loop = asyncio.create_task(self._run())

    async def stop(self, seconds: float) -> None:
        """Start no more; after `seconds`, cancel deliveries, which are sent again later."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        if self._running:
            await asyncio.wait(self._running, timeout=seconds)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def check(self, url: str, owner_id: UserId | None) -> None:
        """Check that a webhook of this user may have this URL.

        Raises:
            InvalidRequest: requests to this URL are not allowed.
            SourceUnavailable: its host cannot be looked up now.
            Overloaded: too many names are being looked up.
        """
        try:
            with fail_after(self._limits.seconds):
                await self._outbound.checked(url, owner_id)
        except TimeoutError as error:
            raise SourceUnavailable("The host of the URL cannot be looked up now.") from error

    async def _run(self) -> None:
        if self._held_by is not None:
            await wait_for_release(self._held_by)
        with self._database.subscribe() as wake:
            while True:
                wake.clear()  # before the query: a later commit sets it again
                self._freed.clear()
                try:
                    pause = await self._look()
                    self._look_outage.passed()
                except ImagesvcError as error:
                    self._look_outage.failed(error=text_of(error))
                    pause = POLL_SECONDS
                except Exception:
                    log.exception("bug in the sending of webhooks", action="webhooks.bug")
                    pause = POLL_SECONDS
                with move_on_after(PAUSE_SECONDS) as brief:
                    await self._freed.wait()
                if brief.cancelled_caught:
                    with move_on_after(pause):
                        await wake.wait()

    async def _look(self) -> float:
        """Start the deliveries that may start; returns the seconds until the next is due."""
        now = self._clock()
        await self._database.leadership.elected()
        is_behind = await self._outbox.fan_out(FAN_OUT, now=now)
        while free := MAX_AT_ONCE - len(self._running):
            load = Load(self._running.values())
            but = [due.id for due in self._running.values()]
            found = await self._outbox.due(
                now, free, but=but, busy=load.busy_webhooks, busy_owners=load.busy_owners
            )
            if not found:
                break
            for due in await self._claimed([due for due in found if load.takes(due)]):
                self._begin(due)
        if is_behind:
            return 0.0
        next_at = await self._outbox.next_due_at(now)
        if next_at is None:
            return POLL_SECONDS
        return min(POLL_SECONDS, max(0.0, (next_at - self._clock()).total_seconds()))

    async def _claimed(self, found: list[Due]) -> list[Due]:
        if self._limits.claim is None:
            return found
        return await self._outbox.claim(found, until=self._clock() + self._limits.claim)

    def _begin(self, due: Due) -> None:
        task = asyncio.create_task(self._deliver(due))
        self._running[task] = due
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self._freed.set()

    async def _deliver(self, due: Due) -> None:
        outcome = await self._traced(due)
        is_disabled = await self._settled(due, outcome)
        if is_disabled is None:
            return
        self.attempts[outcome.status] += 1
        log.info(
            "webhook sent",
            action="webhook.sent",
            webhook_id=str(due.webhook_id),
            delivery_id=str(due.id),
            status=str(outcome.status),
            answer_status=outcome.answer_status,
        )
        if is_disabled:
            log.warning(
                "webhook disabled", action="webhook.disabled", webhook_id=str(due.webhook_id)
            )

    async def _settled(self, due: Due, outcome: Outcome) -> bool | None:
        """Whether its webhook was disabled; None if the result could not be recorded.

        It is then sent again, and the receiver recognises it by its id.
        """
        while True:
            try:
                is_disabled = await self._outbox.settle(
                    due, outcome, now=self._clock(), patience=self._limits.patience
                )
            except ImagesvcError as error:
                self._settle_outage.failed(error=text_of(error))
                await asyncio.sleep(POLL_SECONDS)
                if self._clock() >= due.due_at:  # always, unless it is claimed
                    return None
            else:
                self._settle_outage.passed()
                return is_disabled

    async def _traced(self, due: Due) -> Outcome:
        with span("webhook", Kind.CLIENT) as traced:
            outcome = await self._attempt(due)
            traced.note(
                imagesvc__webhook=str(due.webhook_id),
                imagesvc__delivery=str(due.id),
                http__response__status_code=outcome.answer_status,
            )
            if outcome.status is not DeliveryStatus.SUCCEEDED:
                traced.fail(str(outcome.status))
            return outcome

    async def _attempt(self, due: Due) -> Outcome:
        answer_status: int | None = None
        error = f"The receiver took longer than {self._limits.seconds:g} s."
        try:
            with fail_after(self._limits.seconds):
                answer_status = await self._send(due)
            error = f"The receiver answers with status {answer_status}."
        except TimeoutError:
            pass
        except (InvalidRequest, SourceUnavailable, Overloaded) as failure:
            error = failure.detail
        except Exception:  # otherwise it would be due again immediately, in a loop
            log.exception("bug in the sending of webhooks", action="webhooks.bug")
            error = "The delivery cannot be sent."
        if answer_status is not None and HTTPStatus(200) <= answer_status < HTTPStatus(300):
            return Outcome(DeliveryStatus.SUCCEEDED, answer_status)
        is_gone = answer_status == HTTPStatus.GONE
        if is_gone or due.attempts + 1 >= MAX_ATTEMPTS:
            return Outcome(DeliveryStatus.FAILED, answer_status, error, is_gone=is_gone)
        due_at = self._clock() + self._delay(due.attempts + 1)
        return Outcome(DeliveryStatus.PENDING, answer_status, error, due_at)

    async def _send(self, due: Due) -> int:
        """The status of the response."""
        place = await self._outbound.checked(due.url, due.owner_id)
        body = due.body.encode()
        headers = [
            ("Content-Type", "application/json"),
            *signed(due.secret, str(due.id), int(self._clock().timestamp()), body),
            *carrier(),
        ]
        async with self._outbound.answer(place, Sent("POST", headers, body)) as answer:
            await self._outbound.beginning(place, answer, MAX_ANSWER)
            return answer.status

    def _delay(self, attempt: int) -> timedelta:
        """The delay after attempt number `attempt`, from 1."""
        chance = SystemRandom().uniform(1 - JITTER, 1 + JITTER)
        factor: int = DELAY_FACTOR ** (attempt - 1)
        return timedelta(seconds=self._limits.retry_delay * factor * chance)
