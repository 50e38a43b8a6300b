"""The home page."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


async def home(_request: Request) -> Response:
    """Say that the service is there."""
    return JSONResponse({"status": "ok"})


def routes() -> list[Route]:
    """The routes this module serves; `app.py` concatenates them."""
    return [Route("/", home)]
