"""The pages of links for people without an account: shells, which tell nothing of the link."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from imagesvc.errors import NotFound
from imagesvc.http.calls import Call
from imagesvc.http.models import LenientQuery
from imagesvc.http.operations import operation
from imagesvc.web.pages import HTML, TAG
from imagesvc.web.templating import Page, Pages


@dataclass(frozen=True, slots=True)
class VisitorPageEndpoints:
    """The pages for visitors of shares and for guests; none where the gallery is switched off."""

    pages: Pages

    @operation(
        "show_share_page", "GET", "/s/{token}", tag=TAG, query=LenientQuery,
        is_documented=False, answers={200: HTML}, errors=(NotFound,),
    )  # fmt: skip
    async def share(self, call: Call[LenientQuery, None]) -> Response:
        """The page of a share; its script asks for the password, and shows the images."""
        texts = ("share", "keys", "viewer", "timeline")
        return await self._shell(call, "share.html", texts)

    @operation(
        "show_guest_page", "GET", "/g/{token}", tag=TAG, query=LenientQuery,
        is_documented=False, answers={200: HTML}, errors=(NotFound,),
    )  # fmt: skip
    async def guest(self, call: Call[LenientQuery, None]) -> Response:
        """The form for uploads of guests."""
        return await self._shell(call, "guest.html", ("guest", "upload"))

    async def _shell(
        self, call: Call[LenientQuery, None], template: str, texts: tuple[str, ...]
    ) -> Response:
        self.pages.check(call.request)
        data = {"token": call.request.path_params["token"]}
        page = Page(template, ("common", *texts), data, has_secret_url=True)
        return await self.pages.response(call, None, page)
