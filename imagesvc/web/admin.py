"""The page of the administration."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version

from starlette.responses import Response

from imagesvc.errors import Forbidden, NotFound
from imagesvc.http.calls import Call
from imagesvc.http.models import LenientQuery
from imagesvc.http.operations import operation
from imagesvc.web.pages import HTML, TAG, PageEndpoints
from imagesvc.web.templating import Page

ADMIN = Page(
    "admin.html", ("admin", "common", "keys"), is_for_admins=True,
    words={"version": version("imagesvc")},
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AdminPageEndpoints:
    """The page of the administration."""

    pages: PageEndpoints

    @operation(
        "show_admin_page", "GET", "/admin", tag=TAG, query=LenientQuery,
        is_documented=False, answers={200: HTML, 303: None}, errors=(NotFound, Forbidden),
    )  # fmt: skip
    async def admin(self, call: Call[LenientQuery, None]) -> Response:
        """State, jobs and users of the service, for admins; without accounts there are no users."""
        return await self.pages.for_user(call, ADMIN)
