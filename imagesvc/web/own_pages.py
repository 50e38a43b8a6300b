"""The pages of what users have besides the timeline."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from imagesvc.errors import Forbidden
from imagesvc.http.calls import Call
from imagesvc.http.models import LenientQuery
from imagesvc.http.openapi.document import VERSION
from imagesvc.web.pages import TIMELINE_TEXTS, PageEndpoints, page_operation
from imagesvc.web.templating import Page

ADMIN = Page(
    "admin.html", ("admin", "common", "keys"), is_for_admins=True,
    words={"version": VERSION},
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class OwnPageEndpoints:
    """The pages of collections, links, trash and account, and of the administration."""

    pages: PageEndpoints
    trash_retention: float
    """Seconds."""

    @page_operation("show_collections_page", "/collections")
    async def collections(self, call: Call[LenientQuery, None]) -> Response:
        """The collections of the user, as covers."""
        page = Page("collections.html", (*TIMELINE_TEXTS, "collections"))
        return await self.pages.for_user(call, page)

    @page_operation("show_collection_page", "/collections/{collection_id}")
    async def collection(self, call: Call[LenientQuery, None]) -> Response:
        """The images of a collection; its script asks the API whether the user may see it."""
        data = {"collection": str(call.id("collection_id"))}
        page = Page("collection.html", (*TIMELINE_TEXTS, "collections"), data)
        return await self.pages.for_user(call, page)

    @page_operation("show_trash_page", "/trash")
    async def trash(self, call: Call[LenientQuery, None]) -> Response:
        """The images in the trash, which can be restored until they are deleted for good."""
        data = {"trash_retention": self.trash_retention}
        page = Page("trash.html", (*TIMELINE_TEXTS, "trash"), data)
        return await self.pages.for_user(call, page)

    @page_operation("show_account_page", "/account")
    async def account(self, call: Call[LenientQuery, None]) -> Response:
        """Password, sessions, keys and space of the user; without accounts, programs only."""
        return await self.pages.for_user(call, Page("account.html", ("account", "common", "keys")))

    @page_operation("show_shares_page", "/shares")
    async def shares(self, call: Call[LenientQuery, None]) -> Response:
        """The shares and the links for uploads, which can be changed and withdrawn."""
        page = Page("shares.html", ("common", "keys", "sharing"))
        return await self.pages.for_user(call, page)

    @page_operation("show_admin_page", "/admin", Forbidden)
    async def admin(self, call: Call[LenientQuery, None]) -> Response:
        """State, jobs and users of the service, for admins; without accounts there are no users."""
        return await self.pages.for_user(call, ADMIN)
