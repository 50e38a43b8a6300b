"""The home page."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import JSONResponse, Response

from imagesvc.http.bodies.html_forms import prefers_html, see_other
from imagesvc.http.calls import Call
from imagesvc.http.models import LenientQuery, Model
from imagesvc.http.operations import Answer, operation
from imagesvc.web.pages import PageEndpoints

VARY = {"vary": "accept"}


class Home(Model):
    """The response to programs."""

    status: str


@dataclass(frozen=True, slots=True)
class HomeEndpoints:
    """The home page."""

    pages: PageEndpoints

    @operation(
        "home", "GET", "/", tag="operation", query=LenientQuery,
        answers={200: Home, 303: Answer(None, {"Location": "The log-in, or the page of the API."})},
    )  # fmt: skip
    async def home(self, call: Call[LenientQuery, None]) -> Response:
        """Confirm that the service runs; requests that prefer HTML get the gallery.

        With accounts, visitors who have not logged in are redirected to the log-in. Without a
        gallery, requests that prefer HTML are redirected to the page of the API.
        """
        if not prefers_html(call.request):
            return JSONResponse({"status": "ok"}, headers=VARY)
        if self.pages.pages.is_on:
            return await self.pages.timeline(call)
        return see_other(f"{call.base_path}/api/v1/docs")
