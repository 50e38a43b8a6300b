"""The pages of the gallery: HTML without content, which their scripts fill through the API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from imagesvc.auth.authenticator import Authenticator
from imagesvc.auth.principals import STRANGER, Principal
from imagesvc.auth.provider.code_flow import START
from imagesvc.auth.rates.limits import Limit, RateLimits
from imagesvc.auth.sessions.log_out import log_out
from imagesvc.auth.sessions.sessions import Sessions
from imagesvc.auth.sessions.setup import Setup
from imagesvc.errors import Forbidden, ImagesvcError, NotFound, Unauthorized
from imagesvc.http.bodies.declared import TEXT, Raw
from imagesvc.http.bodies.html_forms import see_other
from imagesvc.http.calls import Call, Context
from imagesvc.http.models import LenientQuery
from imagesvc.http.operations import Answer, Endpoint, operation
from imagesvc.web.failures import Failures
from imagesvc.web.templating import Page, Pages

TAG = "gallery"
LOGIN = "/login"
HTML = Answer(Raw(("text/html",), TEXT))
URL_CHARACTERS = "/?&=%+:;,@!$'()*~#[]"
ADMINS_ONLY = Forbidden("This page is for administrators.")
S = TypeVar("S")
Shown = Endpoint[S, LenientQuery, None]
TIMELINE_TEXTS = ("common", "keys", "search", "selection", "sharing", "timeline", "viewer")


def page_operation(
    name: str, path: str, *errors: type[ImagesvcError]
) -> Callable[[Shown[S]], Shown[S]]:
    """Declare that an endpoint serves a page, which redirects who has to be elsewhere first."""
    return operation(
        name, "GET", path, tag=TAG, query=LenientQuery, is_documented=False,
        answers={200: HTML, 303: None}, errors=(NotFound, *errors),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class PageEndpoints:
    """The pages; none where the gallery is switched off."""

    pages: Pages
    failures: Failures
    authenticator: Authenticator
    sessions: Sessions
    limits: RateLimits
    set_up: Setup
    provider: str = ""
    """The host of the identity provider where browsers may log in."""

    @page_operation("show_image_page", "/view/{image_id}")
    async def view(self, call: Call[LenientQuery, None]) -> Response:
        """The timeline with an image open in the viewer."""
        return await self.timeline(call, str(call.id("image_id")))

    @page_operation("show_login_page", LOGIN)
    async def login(self, call: Call[LenientQuery, None]) -> Response:
        """The form to log in; users who have logged in go on to where they were sent from."""
        self.pages.check(call.request)
        target = own_path(call.request.query_params.get("next", "/"))
        if await self._user(call) is not None:
            return see_other(f"{call.base_path}{target}")
        page = Page(
            "login.html", ("common", "login"), {"next": f"{call.base_path}{target}"},
            words={
                "provider": self.provider,
                "start": f"{call.base}{START}?next={quote(target)}",
                "needs_setup": self.pages.has_accounts and await self.set_up.is_open(),
            },
        )  # fmt: skip
        return await self.pages.response(call, None, page)

    @operation(
        "log_out_by_page", "POST", "/logout", tag=TAG, limit=Limit.ADDRESS,
        is_documented=False, answers={303: None}, errors=(Forbidden, NotFound),
    )  # fmt: skip
    async def log_out(self, call: Call[None, None]) -> Response:
        """End the session, and go to the log-in; a form without a script sends this request."""
        self.pages.check(call.request)
        response = see_other(f"{call.base_path}{LOGIN}")
        return await log_out(self.sessions, call.request, response)

    @page_operation("show_setup_page", "/setup")
    async def setup(self, call: Call[LenientQuery, None]) -> Response:
        """The form in which the first admin sets a name and a password."""
        self.pages.check(call.request)
        if not self.pages.has_accounts:
            return see_other(f"{call.base_path}/")
        page = Page("setup.html", ("common", "setup"), has_secret_url=True)
        return await self.pages.response(call, None, page)

    async def timeline(self, context: Context, image_id: str | None = None) -> Response:
        """The timeline, with the viewer open if an image is named."""
        page = Page("timeline.html", TIMELINE_TEXTS, {"view": image_id})
        return await self.for_user(context, page)

    async def for_user(self, context: Context, page: Page) -> Response:
        """A page for the user of a request; without a user, log in first.

        A user who may not see it is shown a page that says so.

        Raises:
            NotFound: the gallery is switched off, or the request does not prefer HTML.
        """
        self.pages.check(context.request)
        user = await self._user(context)
        if user is None:
            return see_other(f"{context.base_path}{LOGIN}?next={quote(_target(context.request))}")
        if page.is_for_admins and not user.is_admin:
            home = f"{context.base_path}/"
            return await self.failures.page(
                context, ADMINS_ONLY, "forbidden", way_out=home, user=user
            )
        return await self.pages.response(context, user, page)

    async def _user(self, context: Context) -> Principal | None:
        """The user of a request; None if nobody has logged in.

        Raises:
            RateLimited: there were too many requests with invalid credentials.
        """
        try:
            principal = await self.authenticator.principal(context.request)
        except Unauthorized:
            self.limits.check(Limit.ADDRESS, context.request)
            return None
        return None if principal == STRANGER else principal


def own_path(path: str) -> str:
    """A path of this service as it is, and the home page instead of anything else.

    Browsers take two slashes, also backslashes, for the start of another site, and ignore tabs and
    line breaks.
    """
    is_own = path.startswith("/") and path[1:2] not in {"/", "\\"} and path.isprintable()
    return quote(path, safe=URL_CHARACTERS) if is_own else "/"


def _target(request: Request) -> str:
    query = request.scope["query_string"].decode("latin-1")
    return f"{request.scope['path']}?{query}" if query else str(request.scope["path"])
