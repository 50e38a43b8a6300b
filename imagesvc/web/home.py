"""The home page."""

from __future__ import annotations

from http import HTTPStatus

from starlette.responses import JSONResponse, Response

from imagesvc.http.bodies.html_forms import prefers_html
from imagesvc.http.calls import Call
from imagesvc.http.models import LenientQuery, Model
from imagesvc.http.operations import Answer, operation

VARY = {"vary": "accept"}


class Home(Model):
    """The response to programs."""

    status: str


class HomeEndpoints:
    """The home page."""

    @operation(
        "home", "GET", "/", tag="operation", query=LenientQuery,
        answers={200: Home, 303: Answer(None, {"Location": "The page of the API, for browsers."})},
    )  # fmt: skip
    async def home(self, call: Call[LenientQuery, None]) -> Response:
        """Confirm that the service runs; HTML requests are redirected to the page of the API."""
        if prefers_html(call.request):
            headers = {**VARY, "location": f"{call.base}/api/v1/docs", "cache-control": "no-store"}
            return Response(status_code=HTTPStatus.SEE_OTHER, headers=headers)
        return JSONResponse({"status": "ok"}, headers=VARY)
