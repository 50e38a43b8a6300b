"""Whether the service is alive, and whether it is ready."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from imagesvc.api.http import json_response
from imagesvc.errors import ImagesvcError
from imagesvc.operations import Operation

TAG = "operation"
Check = Callable[[], Awaitable[None]]


class Health(BaseModel):
    """The answer of both routes; `checks` says `ok` or what is wrong."""

    status: str
    checks: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class HealthEndpoints:
    """The operator's routes; each check raises when its part is not ready."""

    checks: Mapping[str, Check]

    def operations(self) -> list[Operation]:
        """The operations this module serves; `app.py` concatenates them."""
        answers = {200: Health}
        return [
            Operation("is_alive", "GET", "/healthz", self.alive, answers, TAG),
            Operation("is_ready", "GET", "/readyz", self.ready, answers | {503: Health}, TAG),
        ]

    async def alive(self, _request: Request) -> Response:
        """The event loop turns."""
        return json_response(Health(status="ok"))

    async def ready(self, _request: Request) -> Response:
        """Database, disk and workers are there: 200, or 503 with what is not."""
        results: dict[str, str] = {}
        for name, check in self.checks.items():
            try:
                await check()
                results[name] = "ok"
            except ImagesvcError as error:
                results[name] = error.detail
        is_ready = all(result == "ok" for result in results.values())
        health = Health(status="ok" if is_ready else "unavailable", checks=results)
        return json_response(health, 200 if is_ready else 503)
