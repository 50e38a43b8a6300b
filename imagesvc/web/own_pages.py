"""The pages of what users have besides the timeline."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version

from starlette.responses import Response

from imagesvc.errors import Forbidden, NotFound
from imagesvc.http.calls import Call
from imagesvc.http.models import LenientQuery
from imagesvc.http.operations import operation
from imagesvc.web.pages import HTML, TAG, TIMELINE_TEXTS, PageEndpoints
from imagesvc.web.templating import Page

ADMIN = Page(
    "admin.html", ("admin", "common", "keys"), is_for_admins=True,
    words={"version": version("imagesvc")},
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class OwnPageEndpoints:
    """The pages of collections, links, trash and account, and of the administration."""

    pages: PageEndpoints
    trash_retention: float
    """Seconds."""

    @operation(
        "show_collections_page", "GET", "/collections", tag=TAG, query=LenientQuery,
        is_documented=False, answers={200: HTML, 303: None}, errors=(NotFound,),
    )  # fmt: skip
    async def collections(self, call: Call[LenientQuery, None]) -> Response:
        """The collections of the user, as covers."""
        page = Page("collections.html", (*TIMELINE_TEXTS, "collections"))
        return await self.pages.for_user(call, page)

    @operation(
        "show_collection_page", "GET", "/collections/{collection_id}", tag=TAG, query=LenientQuery,
        is_documented=False, answers={200: HTML, 303: None}, errors=(NotFound,),
    )  # fmt: skip
    async def collection(self, call: Call[LenientQuery, None]) -> Response:
        """The images of a collection; its script asks the API whether the user may see it."""
        data = {"collection": str(call.id("collection_id"))}
        page = Page("collection.html", (*TIMELINE_TEXTS, "collections"), data)
        return await self.pages.for_user(call, page)

    @operation(
        "show_trash_page", "GET", "/trash", tag=TAG, query=LenientQuery,
        is_documented=False, answers={200: HTML, 303: None}, errors=(NotFound,),
    )  # fmt: skip
    async def trash(self, call: Call[LenientQuery, None]) -> Response:
        """The images in the trash, which can be restored until they are deleted for good."""
        data = {"trash_retention": self.trash_retention}
        page = Page("trash.html", (*TIMELINE_TEXTS, "trash"), data)
        return await self.pages.for_user(call, page)

    @operation(
        "show_account_page", "GET", "/account", tag=TAG, query=LenientQuery,
        is_documented=False, answers={200: HTML, 303: None}, errors=(NotFound,),
    )  # fmt: skip
    async def account(self, call: Call[LenientQuery, None]) -> Response:
        """Password, sessions, keys and space of the user; without accounts, programs only."""
        return await self.pages.for_user(call, Page("account.html", ("account", "common", "keys")))

    @operation(
        "show_shares_page", "GET", "/shares", tag=TAG, query=LenientQuery,
        is_documented=False, answers={200: HTML, 303: None}, errors=(NotFound,),
    )  # fmt: skip
    async def shares(self, call: Call[LenientQuery, None]) -> Response:
        """The shares and the links for uploads, which can be changed and withdrawn."""
        page = Page("shares.html", ("common", "keys", "sharing"))
        return await self.pages.for_user(call, page)

    @operation(
        "show_admin_page", "GET", "/admin", tag=TAG, query=LenientQuery,
        is_documented=False, answers={200: HTML, 303: None}, errors=(NotFound, Forbidden),
    )  # fmt: skip
    async def admin(self, call: Call[LenientQuery, None]) -> Response:
        """State, jobs and users of the service, for admins; without accounts there are no users."""
        return await self.pages.for_user(call, ADMIN)
