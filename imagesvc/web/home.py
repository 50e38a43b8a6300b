"""The home page."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from imagesvc.http.calls import Call
from imagesvc.http.models import LenientQuery, Model
from imagesvc.http.operations import operation


class Home(Model):
    """The answer to programs."""

    status: str


class HomeEndpoints:
    """The home page."""

    @operation("home", "GET", "/", tag="operation", query=LenientQuery, answers={200: Home})
    async def home(self, _call: Call[LenientQuery, None]) -> Response:
        """The service is there."""
        return JSONResponse({"status": "ok"})
