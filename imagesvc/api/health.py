"""Whether the service is alive, and whether it is ready."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import structlog
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from imagesvc.errors import ImagesvcError, text_of
from imagesvc.http.operations import Operation, Parameter
from imagesvc.http.requests import invalid, json_response

TAG = "operation"
DISK = "disk"
"""The check that only writes need."""
READS, WRITES = PURPOSES = ("reads", "writes")
FOR = Parameter(
    "for",
    "What has to work; a balancer keeps a server with a full disk for `reads`.",
    {"type": "string", "enum": list(PURPOSES), "default": WRITES},
)

log = structlog.get_logger()
Check = Callable[[], Awaitable[None]]


class Health(BaseModel):
    """The process is alive."""

    status: str


class Readiness(Health):
    """`checks` says `ok`, or what is wrong."""

    reads: bool
    """Whether images are delivered and deleted; so it is on a full disk."""
    writes: bool
    """Whether uploads are taken, too."""
    checks: dict[str, str]


@dataclass(frozen=True, slots=True)
class HealthEndpoints:
    """The operator's routes; each check raises when its part is not ready."""

    checks: Mapping[str, Check]

    def operations(self) -> list[Operation]:
        """The operations this module serves; `app.py` concatenates them."""
        return [
            Operation("is_alive", "GET", "/healthz", self.alive, {200: Health}, TAG),
            Operation(
                "is_ready",
                "GET",
                "/readyz",
                self.ready,
                {200: Readiness, 503: Readiness},
                TAG,
                parameters=(FOR,),
            ),
        ]

    async def alive(self, _request: Request) -> Response:
        """The event loop turns."""
        return json_response(Health(status="ok"))

    async def ready(self, request: Request) -> Response:
        """Database, data directory, disk and workers are there: 200, or 503 with what is not.

        With `for=reads`, the disk may be full.
        """
        purpose = request.query_params.get("for", WRITES)
        if purpose not in PURPOSES:
            raise invalid("for", f"must be {READS} or {WRITES}")
        results: dict[str, str] = {}
        for name, check in self.checks.items():
            try:
                await check()
                results[name] = "ok"
            except ImagesvcError as error:
                results[name] = error.detail
            except OSError as error:
                log.error("not ready", action="ready.failed", check=name, error=text_of(error))
                results[name] = f"It cannot be checked: {error.strerror}."
        failed = {name for name, result in results.items() if result != "ok"}
        reads, writes = not failed - {DISK}, not failed
        is_ready = reads if purpose == READS else writes
        readiness = Readiness(
            status="ok" if is_ready else "unavailable", reads=reads, writes=writes, checks=results
        )
        return json_response(readiness, 200 if is_ready else 503)
