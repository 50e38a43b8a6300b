"""Sessions of browsers: log in, log out, list and end them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from imagesvc.api.accounts.owners import check_is_own, named_user
from imagesvc.api.accounts.users import UserOut
from imagesvc.api.schemas import Instant
from imagesvc.auth.csrf import check_own_origin
from imagesvc.auth.logins import Logins
from imagesvc.auth.principals import Scope, scopes_of_user
from imagesvc.auth.rates.limits import Limit, RateLimits
from imagesvc.auth.sessions.cookies import NAME, set_cookie
from imagesvc.auth.sessions.log_out import log_out
from imagesvc.auth.sessions.sessions import Opened, Sessions, session_of
from imagesvc.errors import Forbidden, NotFound, Unauthorized
from imagesvc.http.bodies.json_bodies import Json
from imagesvc.http.calls import Call, Context
from imagesvc.http.models import Model, Sent
from imagesvc.http.operations import Answer, operation, with_subject
from imagesvc.http.pages import Page, PageQuery, cursor_text, page_of, page_response
from imagesvc.http.requests import Id, json_response
from imagesvc.model.accounts import Session, User
from imagesvc.model.ids import SessionId
from imagesvc.store.accounts import UserStore

TAG = "accounts"
CURRENT, EVERY = "/api/v1/session", "/api/v1/sessions"
SET_COOKIE: Mapping[str, str] = {"Set-Cookie": "The cookie of the session."}


class SessionIn(Sent, title="SessionRequest"):
    """A name and password to log in with."""

    name: str = Field(max_length=64)
    password: str = Field(max_length=1024)


class SessionOut(Model, title="Session"):
    """A session of a browser, without its secret."""

    id: UUID
    user_id: UUID
    created_at: Instant
    last_seen_at: Instant
    """When it last sent a request; after a restart of the service up to a minute early."""
    expires_at: Instant
    """When it ends; without requests it ends earlier, after `session_idle_timeout`."""
    user_agent: str
    """The first 200 characters that the browser sent at the log-in."""
    address: str
    """The address of the browser at the log-in."""
    is_current: bool
    """Whether this request belongs to it."""


class CurrentSessionOut(Model, title="CurrentSession"):
    """The user of a request, and its session."""

    user: UserOut | None
    """Null on a service without accounts."""
    scopes: list[Scope]
    """The scopes of the credential of this request."""
    session: SessionOut | None
    """Null if the request has another credential than a session."""


class SessionQuery(PageQuery):
    """The user whose sessions to list."""

    user: Id | None = None
    """The requester when absent."""


@dataclass(frozen=True, slots=True)
class SessionEndpoints:
    """The operations on sessions; the fields are their dependencies."""

    sessions: Sessions
    logins: Logins
    users: UserStore
    limits: RateLimits

    async def _own(self, context: Context) -> Session:
        session = await self.sessions.store.get(SessionId(context.id("session_id")))
        check_is_own(context.requester, session.user_id)
        return session

    @operation(
        "create_session", "POST", CURRENT, tag=TAG, limit=Limit.ADDRESS, body=Json(SessionIn),
        answers={200: Answer(CurrentSessionOut, SET_COOKIE)}, errors=(Unauthorized, Forbidden),
    )  # fmt: skip
    async def log_in(self, call: Call[None, SessionIn]) -> Response:
        """Log a browser in by name and password; the response sets the cookie of a new session.

        A session that the browser has already ends. Pages of other origins cannot log in.
        """
        check_own_origin(call.request)
        await self.limits.check_login(call.request, call.body.name)
        user = await self.logins.identify(call.body.name, call.body.password)
        opened = await self.sessions.begin(user, call.request)
        await self.limits.remember_login(call.request, user.name)
        return logged_in(call.request, user, opened, self.sessions)

    @operation(
        "get_session", "GET", CURRENT, tag=TAG, scope=Scope.READ, answers={200: CurrentSessionOut}
    )
    async def show(self, call: Call[None, None]) -> Response:
        """The requester's user, with the scopes of the credential and the session, if it has one.

        The response is 401 if the session has ended.
        """
        requester = call.requester
        user = None if requester.user_id is None else await self.users.get(requester.user_id)
        session = session_of(call.request)
        return json_response(
            CurrentSessionOut(
                user=None if user is None else UserOut.of(user),
                scopes=[scope for scope in Scope if scope in requester.scopes],
                session=None if session is None else _shown(session, session.id),
            )
        )

    @operation(
        "delete_session", "DELETE", CURRENT, tag=TAG, limit=Limit.ADDRESS,
        answers={204: Answer(None, SET_COOKIE)}, errors=(Forbidden,),
    )  # fmt: skip
    async def log_out(self, call: Call[None, None]) -> Response:
        """Log the browser out: its session ends, and it forgets the cookie.

        Images that it has cached are those of the cookie, as `Vary` says: without the cookie it
        asks for them again. The response is the same if the session has ended before.
        """
        return await log_out(self.sessions, call.request, Response(status_code=204))

    @operation(
        "list_sessions", "GET", EVERY, tag=TAG, scope=Scope.READ, query=SessionQuery,
        answers={200: page_of(Page[SessionOut])}, errors=(NotFound,),
    )  # fmt: skip
    async def page(self, call: Call[SessionQuery, None]) -> Response:
        """The requester's sessions, or for admins those of any user; the newest first."""
        query, current = call.query, session_of(call.request)
        found, last = await self.sessions.store.page(
            named_user(call.requester, query.user, "user"),
            self.sessions.valid,
            limit=query.limit,
            after=query.cursor,
        )
        current_id = None if current is None else current.id
        shown = (_shown(self.sessions.shown(session), current_id) for session in found)
        return page_response(call, Page[SessionOut], shown, cursor_text(last))

    @operation(
        "revoke_session", "DELETE", f"{EVERY}/{{session_id}}", tag=TAG, scope=Scope.MANAGE,
        answers={204: None}, errors=(NotFound,),
    )  # fmt: skip
    @with_subject(_own)
    async def revoke(self, _call: Call[None, None], session: Session) -> Response:
        """End a session; its browser must log in again at the next request."""
        await self.sessions.store.remove(session.id)
        return Response(status_code=204)


def logged_in(request: Request, user: User, opened: Opened, sessions: Sessions) -> Response:
    """The response that gives a browser the cookie of its new session."""
    session = opened.session
    response = json_response(
        CurrentSessionOut(
            user=UserOut.of(user),
            scopes=[scope for scope in Scope if scope in scopes_of_user(user)],
            session=_shown(session, session.id),
        )
    )
    set_cookie(request, response, NAME, opened.token, sessions.lifetime)
    return response


def _shown(session: Session, current_id: SessionId | None) -> SessionOut:
    return SessionOut(
        id=session.id,
        user_id=session.user_id,
        created_at=session.created_at,
        last_seen_at=session.last_seen_at,
        expires_at=session.expires_at,
        user_agent=session.user_agent,
        address=session.address,
        is_current=session.id == current_id,
    )
