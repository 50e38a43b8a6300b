"""The log-in of browsers at an identity provider."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote

from starlette.responses import Response

from imagesvc.auth.provider.browser_tickets import LIFETIME_SECONDS
from imagesvc.auth.provider.code_flow import CALLBACK, START, CodeFlow, Returned
from imagesvc.auth.rates.limits import Limit
from imagesvc.auth.sessions.cookies import NAME, cookie_value, remove_cookie, set_cookie
from imagesvc.auth.sessions.sessions import Sessions
from imagesvc.errors import Forbidden, ImagesvcError, NotFound, Unavailable
from imagesvc.http.bodies.html_forms import see_other
from imagesvc.http.calls import Call, Context
from imagesvc.http.models import LenientQuery
from imagesvc.http.operations import operation
from imagesvc.web.failures import Failures
from imagesvc.web.pages import LOGIN, TAG, own_path

TICKET = "imagesvc-login"


class StartQuery(LenientQuery):
    """The page to show after the log-in."""

    next: str = "/"


class CallbackQuery(LenientQuery):
    """The answer of the provider (RFC 6749, section 4.1.2)."""

    code: str | None = None
    state: str | None = None
    iss: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class OidcEndpoints:
    """The two steps of the log-in; the fields are their dependencies.

    Browsers show a page where a step fails.
    """

    flow: CodeFlow | None
    """None where the settings name no provider."""
    sessions: Sessions
    failures: Failures

    @operation(
        "start_oidc", "GET", START, tag=TAG, query=StartQuery, limit=Limit.ADDRESS,
        is_documented=False, answers={303: None}, errors=(NotFound, Unavailable),
    )  # fmt: skip
    async def start(self, call: Call[StartQuery, None]) -> Response:
        """Send the browser to the provider, with a cookie that binds the log-in to it."""
        flow = self._known_flow()
        try:
            url, ticket = await flow.start(call.query.next)
        except ImagesvcError as error:
            return await self._failed(call, error, f"?next={quote(call.query.next)}")
        response = _redirect(url)
        lifetime = timedelta(seconds=LIFETIME_SECONDS)
        set_cookie(call.request, response, TICKET, ticket.text, lifetime)
        return response

    @operation(
        "finish_oidc", "GET", CALLBACK, tag=TAG, query=CallbackQuery, limit=Limit.ADDRESS,
        is_documented=False, answers={303: None}, errors=(NotFound, Forbidden, Unavailable),
    )  # fmt: skip
    async def finish(self, call: Call[CallbackQuery, None]) -> Response:
        """Log in the browser that comes back from the provider."""
        flow, query = self._known_flow(), call.query
        returned = Returned(query.code, query.state, query.iss, query.error)
        try:
            user, target = await flow.finish(cookie_value(call.request, TICKET) or "", returned)
        except ImagesvcError as error:
            return await self._failed(call, error)
        opened = await self.sessions.begin(user, call.request)
        response = _redirect(f"{call.base}{own_path(target)}")
        set_cookie(call.request, response, NAME, opened.token, self.sessions.lifetime)
        remove_cookie(call.request, response, TICKET)
        return response

    async def _failed(self, context: Context, error: ImagesvcError, query: str = "") -> Response:
        """The page of an error, with a link to the log-in.

        Raises:
            ImagesvcError: the request is that of a program.
        """
        if not self.failures.has_page(context):
            raise error
        way_out = f"{context.base_path}{LOGIN}{query}"
        return await self.failures.page(context, error, "login", way_out=way_out)

    def _known_flow(self) -> CodeFlow:
        if self.flow is None:
            raise NotFound("This service has no identity provider for browsers.")
        return self.flow


def _redirect(location: str) -> Response:
    """A redirect that tells the next site nothing of this URL, which has secrets."""
    response = see_other(location)
    response.headers["referrer-policy"] = "no-referrer"
    return response
