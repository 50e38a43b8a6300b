"""The home page."""

from __future__ import annotations

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from imagesvc.http.operations import Operation


class Home(BaseModel):
    """The answer to programs."""

    status: str


async def home(_request: Request) -> Response:
    """The service is there."""
    return JSONResponse({"status": "ok"})


def operations() -> list[Operation]:
    """The operations this module serves; `app.py` concatenates them."""
    return [Operation("home", "GET", "/", home, {200: Home}, "operation")]
