"""Safe retries: every request with the same Idempotency-Key gets the first response.

Follows draft-ietf-httpapi-idempotency-key-header-07. Only successful responses are stored. A record
is committed in the transaction that does the work, so that after a crash both exist or neither
does.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from imagesvc.auth.principals import Principal
from imagesvc.errors import IdempotencyKeyReused, RequestInProgress
from imagesvc.http.requests import invalid
from imagesvc.model.ids import utc_now
from imagesvc.model.uploads import IdempotencyRecord
from imagesvc.store.idempotency import IdempotencyStore

FIELD = "idempotency-key"
KEY = re.compile(r'"(?P<quoted>[ !#-\[\]-~]{1,255})"|(?P<bare>[!#-+\--\[\]-~]{1,255})')
"""A string of RFC 9651, or its content without quotes, as most clients send it."""
KEPT_HEADERS = ("location", "content-type")
REPLAYED = "idempotent-replayed"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request with an Idempotency-Key; `fingerprint` identifies its content."""

    store: IdempotencyStore
    principal: str
    key: str
    fingerprint: str
    now: datetime
    lifetime: timedelta

    def asking_for(self, *parts: str) -> Attempt:
        """The same attempt with the content of the body in its fingerprint."""
        digest = hashlib.sha256(self.fingerprint.encode())
        for part in parts:
            data = part.encode("utf-8", "surrogatepass")
            digest.update(b"%d:%s" % (len(data), data))
        return replace(self, fingerprint=digest.hexdigest())

    def part(self, position: int) -> Attempt:
        """One part of the work of a request, which may be interrupted between parts.

        Its key contains a tab, which keys of clients cannot contain.
        """
        whole = hashlib.sha256(self.key.encode()).hexdigest()
        return replace(self, key=f"{whole}\t{position}")

    async def first_answer(self) -> IdempotencyRecord | None:
        """The record of this request; None if it has not been done yet.

        Raises:
            IdempotencyKeyReused: the key was used for another request.
        """
        record = await self.store.find(self.principal, self.key, now=self.now)
        if record is not None and record.fingerprint != self.fingerprint:
            raise IdempotencyKeyReused("This Idempotency-Key was used for another request before.")
        return record

    async def replayed(self) -> Response | None:
        """The first response to this request; None if it has not been done yet.

        Raises:
            IdempotencyKeyReused: the key was used for another request.
        """
        record = await self.first_answer()
        if record is None:
            return None
        headers = {**record.headers, "cache-control": "no-store", REPLAYED: "true"}
        return Response(record.body, record.status, headers)

    def record(self, answer: Response) -> IdempotencyRecord:
        """The record of a response, to be committed with the work."""
        return IdempotencyRecord(
            principal=self.principal,
            key=self.key,
            fingerprint=self.fingerprint,
            status=answer.status_code,
            headers={name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers},
            body=bytes(answer.body).decode(),
            created_at=self.now,
            expires_at=self.now + self.lifetime,
        )

    async def keep(self, answer: Response) -> None:
        """Commit the record of a response whose work is done."""
        if answer.status_code < HTTPStatus.BAD_REQUEST:
            await self.store.add(self.record(answer))


Work = Callable[[Attempt | None], Awaitable[Response]]


async def done_once(attempt: Attempt | None, parts: Iterable[str], work: Work) -> Response:
    """The response of some work, which is not done again for the same Idempotency-Key.

    Args:
        attempt: of the request; None without a key.
        parts: what the body says.
        work: gets the attempt, whose record it commits.

    Raises:
        IdempotencyKeyReused: the key came with another request.
    """
    if attempt is None:
        return await work(None)
    attempt = attempt.asking_for(*parts)
    first = await attempt.replayed()
    return await work(attempt) if first is None else first


@dataclass(frozen=True, slots=True)
class Idempotency:
    """The attempts in progress in this process, and a lookup of those that are done."""

    store: IdempotencyStore
    lifetime: timedelta
    clock: Callable[[], datetime] = utc_now
    _under_way: set[tuple[str, str]] = field(default_factory=set)

    @contextlib.contextmanager
    def attempt(self, request: Request, requester: Principal) -> Iterator[Attempt | None]:
        """The attempt of a request; None when it has no Idempotency-Key.

        Raises:
            InvalidRequest: the key is malformed.
            RequestInProgress: another request with the same key is in progress.
        """
        key = key_of(request)
        if key is None:
            yield None
            return
        principal = str(requester.user_id or "anybody")
        if (principal, key) in self._under_way:
            raise RequestInProgress(
                "The first request with this Idempotency-Key is still in progress."
            )
        self._under_way.add((principal, key))
        try:
            attempt = Attempt(self.store, principal, key, "", self.clock(), self.lifetime)
            yield attempt.asking_for(
                request.method,
                request.scope["path"],
                request.scope["query_string"].decode("latin-1"),
            )
        finally:
            self._under_way.discard((principal, key))


def key_of(request: Request) -> str | None:
    """The Idempotency-Key of a request, without quotes; None when there is none.

    Raises:
        InvalidRequest: it is malformed, too long, or given twice.
    """
    values = request.headers.getlist(FIELD)
    if not values:
        return None
    match = KEY.fullmatch(values[0])
    if len(values) > 1 or match is None:
        raise invalid(
            "Idempotency-Key",
            "must be given once, with 1 to 255 visible ASCII characters and no commas, quotes "
            "or backslashes; or as a string of RFC 9651",
        )
    return match["quoted"] or match["bare"]
