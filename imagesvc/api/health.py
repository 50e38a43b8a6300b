"""Whether the service is alive, and whether it is ready."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

import structlog
from pydantic import BeforeValidator, Field, WithJsonSchema
from starlette.responses import Response

from imagesvc.errors import ImagesvcError, text_of
from imagesvc.http.calls import Call
from imagesvc.http.models import LenientQuery, Model
from imagesvc.http.operations import operation
from imagesvc.http.requests import json_response

TAG = "operation"
OF_SHARED_WRITES = frozenset({"database_writes", "blob_writes"})
"""The checks of what all servers share, which only writes need."""
OF_WRITES = OF_SHARED_WRITES | {"disk"}
READS, WRITES, SERVER = PURPOSES = ("reads", "writes", "server")

log = structlog.get_logger()
Check = Callable[[], Awaitable[None]]


class Health(Model):
    """The process is alive."""

    status: str


class Readiness(Health):
    """`checks` says `ok`, or what is wrong."""

    reads: bool
    """Whether images can be delivered, which is possible on a full disk."""
    writes: bool
    """Whether uploads are accepted as well."""
    checks: dict[str, str]
    warnings: dict[str, str]
    """What an operator should look at, such as the clock, although requests are served."""


def _purpose(text: str) -> str:
    if text not in PURPOSES:
        raise ValueError(f"must be one of {', '.join(PURPOSES)}")
    return text


Purpose = Annotated[
    str, BeforeValidator(_purpose), WithJsonSchema({"type": "string", "enum": list(PURPOSES)})
]


class ReadinessQuery(LenientQuery):
    """The kind of readiness to check."""

    purpose: Purpose = Field(WRITES, alias="for")
    """The functions that must work. With `reads`, a load balancer keeps a server with a full disk.
    With `server`, it keeps those that only lack what no other server has: room in PostgreSQL and
    the bucket.
    """


@dataclass(frozen=True, slots=True)
class HealthEndpoints:
    """The operator's routes; each check raises when its part is not ready."""

    checks: Mapping[str, Check]
    warnings: Callable[[], Mapping[str, str]]

    @operation("is_alive", "GET", "/healthz", tag=TAG, query=LenientQuery, answers={200: Health})
    async def alive(self, _call: Call[LenientQuery, None]) -> Response:
        """The process is alive."""
        return json_response(Health(status="ok"))

    @operation(
        "is_ready", "GET", "/readyz", tag=TAG, query=ReadinessQuery,
        answers={200: Readiness, 503: Readiness},
    )  # fmt: skip
    async def ready(self, call: Call[ReadinessQuery, None]) -> Response:
        """200 if database, data directory, disk and workers work, otherwise 503 with failures.

        With `for=reads`, the disk may be full, and PostgreSQL and the bucket, too.
        """
        results: dict[str, str] = {}
        for name, check in self.checks.items():
            try:
                await check()
                results[name] = "ok"
            except ImagesvcError as error:
                results[name] = error.detail
            except OSError as error:
                log.error("not ready", action="ready.failed", check=name, error=text_of(error))
                results[name] = f"The check failed: {error.strerror}."
        failed = {name for name, result in results.items() if result != "ok"}
        reads, writes = not failed - OF_WRITES, not failed
        ready_for = {READS: reads, WRITES: writes, SERVER: not failed - OF_SHARED_WRITES}
        is_ready = ready_for[call.query.purpose]
        readiness = Readiness(
            status="ok" if is_ready else "unavailable", reads=reads, writes=writes, checks=results,
            warnings=dict(self.warnings()),
        )  # fmt: skip
        return json_response(readiness, 200 if is_ready else 503)
