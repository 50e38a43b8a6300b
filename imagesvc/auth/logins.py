"""Logins: tokens for a password, and new tokens for a refresh token."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from imagesvc.auth.passwords import Passwords
from imagesvc.auth.principals import Scope, scopes_of_user
from imagesvc.auth.secrets import (
    KEY_PREFIX,
    REFRESH_PREFIX,
    Secret,
    is_ours,
    new_refresh,
    read_secret,
)
from imagesvc.auth.tokens import AccessTokens
from imagesvc.errors import InvalidRequest, InvalidToken, Unauthorized
from imagesvc.model.accounts import Login, User
from imagesvc.model.ids import LoginId, new_id, utc_now
from imagesvc.store.accounts import UserStore
from imagesvc.store.credentials import LoginStore


@dataclass(frozen=True, slots=True)
class Grant:
    """The tokens of a new or refreshed login."""

    user_name: str
    access_token: str
    refresh_token: str
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Logins:
    """Begins, refreshes and ends logins."""

    users: UserStore
    logins: LoginStore
    passwords: Passwords
    tokens: AccessTokens
    refresh_key: bytes
    refresh_lifetime: timedelta
    clock: Callable[[], datetime] = utc_now
    refused: Counter[str] = field(default_factory=Counter, init=False)
    """Refused logins by credential: a wrong password, or a refresh token that was used before."""

    async def log_in(self, name: str, password: str, scopes: frozenset[Scope] | None) -> Grant:
        """Begin a login; `scopes` limit what it permits.

        Raises:
            Unauthorized: name and password are not those of an active user.
            InvalidRequest: none of the scopes can be granted.
        """
        return await self.begin(await self.identify(name, password), scopes)

    async def identify(self, name: str, password: str) -> User:
        """The active user of a name and password.

        It takes as long for an unknown name as for a wrong password.

        Raises:
            Unauthorized: there is none.
        """
        user = await self.users.named(name)
        password_hash = None if user is None else user.password_hash
        is_right = await self.passwords.is_right(password_hash, password)
        if user is None or not is_right or user.is_disabled:
            self.refused["password"] += 1
            raise Unauthorized("The name or the password is wrong.")
        return user

    async def begin(self, user: User, scopes: frozenset[Scope] | None) -> Grant:
        """Begin a login of a user whose identity is known.

        Raises:
            Unauthorized: the user has been disabled or has got another password.
            InvalidRequest: none of the scopes can be granted.
        """
        granted = _narrowed(scopes_of_user(user), scopes)
        now = self.clock()
        login_id = LoginId(new_id())
        refresh = new_refresh(login_id, self.refresh_key)
        login = Login(
            id=login_id,
            user_id=user.id,
            refresh_sha256=refresh.sha256,
            scopes=granted,
            created_at=now,
            expires_at=now + self.refresh_lifetime,
        )
        if not await self.logins.add(login, user):
            raise Unauthorized("The user has changed; log in again.")
        return self._grant(user, login, refresh, granted)

    async def refresh(self, refresh_token: str, scopes: frozenset[Scope] | None) -> Grant:
        """New tokens for a refresh token, which can be used once; a second use ends the login.

        Raises:
            InvalidToken: it is not valid, or was used before.
            InvalidRequest: none of the scopes can be granted.
        """
        old = self._read(refresh_token)
        login, user = await self._valid_login(LoginId(old.id))
        allowed = frozenset(scope for scope in scopes_of_user(user) if scope in login.scopes)
        granted = _narrowed(allowed, scopes)
        new = new_refresh(login.id, self.refresh_key)
        expires_at = self.clock() + self.refresh_lifetime
        if not await self.logins.rotate(login.id, old.sha256, new.sha256, expires_at):
            self.refused["refresh_token"] += 1
            raise InvalidToken("The refresh token was used before; its login has ended.")
        return self._grant(user, login, new, granted)

    def lasting(self, lifetime: timedelta) -> Logins:
        """The same with one lifetime for logins and access tokens."""
        tokens = replace(self.tokens, lifetime=lifetime)
        return replace(self, tokens=tokens, refresh_lifetime=lifetime)

    async def revoke(self, token: str) -> None:
        """End the login of an access or refresh token; an invalid token has no login to end."""
        try:
            if token.startswith(f"{KEY_PREFIX}_"):
                raise InvalidRequest("API keys are removed at /api/v1/api-keys.")
            if token.startswith(f"{REFRESH_PREFIX}_"):
                login_id = LoginId(self._read(token).id)
            else:
                login_id = self.tokens.read(token).login_id
        except InvalidToken:
            return
        await self.logins.remove(login_id)

    def _read(self, refresh_token: str) -> Secret:
        secret = read_secret(refresh_token, REFRESH_PREFIX)
        if not is_ours(secret, self.refresh_key):
            raise InvalidToken("The refresh token is not valid.")
        return secret

    async def _valid_login(self, login_id: LoginId) -> tuple[Login, User]:
        found = await self.logins.with_user(login_id)
        if found is None or found[1].is_disabled:
            raise InvalidToken("The refresh token is no longer valid.")
        if found[0].expires_at <= self.clock():
            raise InvalidToken("The refresh token has expired.")
        return found

    def _grant(self, user: User, login: Login, refresh: Secret, scopes: tuple[str, ...]) -> Grant:
        return Grant(user.name, self.tokens.issue(login, scopes), str(refresh), scopes)


def _narrowed(allowed: frozenset[Scope], asked: frozenset[Scope] | None) -> tuple[str, ...]:
    granted = [scope for scope in Scope if scope in allowed and (asked is None or scope in asked)]
    if not granted:
        raise InvalidRequest("None of these scopes can be granted.", (("scope", "is too much"),))
    return tuple(granted)
