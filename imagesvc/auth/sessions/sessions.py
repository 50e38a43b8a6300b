"""Sessions of browsers: they begin with a log-in, and are looked up at every request."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from starlette.requests import Request

from imagesvc.auth.sessions.cookies import session_token
from imagesvc.errors import Unauthorized
from imagesvc.model.accounts import Session, User
from imagesvc.model.ids import SessionId, UserId, new_id, utc_now
from imagesvc.store.sessions.sessions import SessionStore, Valid

SESSION = "imagesvc.session"
"""The key in the ASGI scope of the session that authenticated the request."""
TOKEN_BYTES = 32
MAX_USER_AGENT = 200


@dataclass(frozen=True, slots=True)
class Opened:
    """A new session, and the token that only the browser keeps."""

    session: Session
    token: str = field(repr=False)  # tracebacks may show the values of variables


@dataclass(frozen=True, slots=True)
class Sessions:
    """Begins, finds and ends sessions."""

    store: SessionStore
    lifetime: timedelta
    idle_timeout: timedelta
    clock: Callable[[], datetime] = utc_now
    seen: dict[SessionId, datetime] = field(default_factory=dict)
    """The times at which sessions last sent a request, until they are stored."""

    async def begin(self, user: User, request: Request) -> Opened:
        """Begin a session of a user whose identity is known; the browser's last session ends.

        Raises:
            Unauthorized: the user has been disabled or has got another password.
        """
        opened = self.drafted(user.id, request)
        if not await self.store.add(opened.session, user, self.valid, replaced_by(request)):
            raise Unauthorized("The user has changed; log in again.")
        return opened

    def drafted(self, user_id: UserId, request: Request) -> Opened:
        """A session that is not stored yet. Its token is new, whatever the browser has sent."""
        token, now = secrets.token_urlsafe(TOKEN_BYTES), self.clock()
        session = Session(
            id=SessionId(new_id()),
            user_id=user_id,
            token_sha256=token_sha256(token),
            created_at=now,
            last_seen_at=now,
            expires_at=now + self.lifetime,
            user_agent=request.headers.get("user-agent", "")[:MAX_USER_AGENT],
            address=request.client.host if request.client else "",
        )
        return Opened(session, token)

    async def of(self, request: Request) -> tuple[Session, User] | None:
        """The valid session of a request's cookie, and its active user."""
        token = session_token(request)
        found = None if token is None else await self.store.with_user(token_sha256(token))
        if found is None:
            return None
        session, user, now = self.shown(found[0]), found[1], self.clock()
        is_idle = session.last_seen_at + self.idle_timeout <= now
        if is_idle or session.expires_at <= now or user.is_disabled:
            return None
        self.seen[session.id] = now
        return session, user

    async def end(self, request: Request) -> None:
        """End the session of a request's cookie, if it has one."""
        token = session_token(request)
        if token is not None:
            await self.store.remove_by_token(token_sha256(token))

    def shown(self, session: Session) -> Session:
        """A session with the newest time at which it sent a request."""
        seen = self.seen.get(session.id, session.last_seen_at)
        return replace(session, last_seen_at=max(seen, session.last_seen_at))

    @property
    def valid(self) -> Valid:
        """Which stored sessions are valid now."""
        now = self.clock()
        return Valid(now, now - self.idle_timeout)

    async def store_seen(self) -> None:
        """Store the times of last requests; they stay in memory until this has succeeded."""
        seen = dict(self.seen)
        if seen:
            await self.store.note_seen(seen)
            self._forget(seen)

    def _forget(self, stored: Mapping[SessionId, datetime]) -> None:
        for session_id, instant in stored.items():
            if self.seen.get(session_id) == instant:
                del self.seen[session_id]


def session_of(request: Request) -> Session | None:
    """The session that authenticated a request; None for other credentials."""
    session: Session | None = request.scope.get(SESSION)
    return session


def replaced_by(request: Request) -> str | None:
    """The hash of the token that the browser sent with a log-in."""
    token = session_token(request)
    return None if token is None else token_sha256(token)


def token_sha256(token: str) -> str:
    """The hash that is stored of a token; with 256 random bits, one round is enough."""
    return hashlib.sha256(token.encode()).hexdigest()
