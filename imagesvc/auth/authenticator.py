"""Authentication: determines the principal of a request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from starlette.requests import Request

from imagesvc.auth.csrf import check_own_origin, check_site
from imagesvc.auth.first_key import FirstKey
from imagesvc.auth.principals import ANYBODY, STRANGER, Principal, scopes_of_user
from imagesvc.auth.provider.provider import Provider
from imagesvc.auth.secrets import KEY_PREFIX, read_secret
from imagesvc.auth.sessions.sessions import SESSION, Sessions, session_of
from imagesvc.auth.tokens import ALGORITHM, AccessTokens, header_of
from imagesvc.errors import InvalidRequest, InvalidToken
from imagesvc.model.accounts import User
from imagesvc.model.ids import KeyId, utc_now
from imagesvc.model.noted import noted_in
from imagesvc.store.credentials import KeyStore, LoginStore

PRINCIPAL = "imagesvc.principal"
MAX_CREDENTIAL = 8192


@dataclass(frozen=True, slots=True)
class Credentials:
    """Finds the user of a credential; every credential is looked up at every request."""

    keys: KeyStore
    logins: LoginStore
    tokens: AccessTokens
    provider: Provider | None
    first_key: FirstKey
    sessions: Sessions
    clock: Callable[[], datetime] = utc_now
    uses: dict[KeyId, datetime] = field(default_factory=dict)
    """The times at which keys were last used, until they are stored."""

    async def holder(self, credential: str, late: float = 0.0) -> Principal:
        """The principal of an API key, an access token, or a provider's token.

        Args:
            credential: the key or token.
            late: the seconds since which it may have expired.

        Raises:
            InvalidToken: it is malformed, unknown, expired or revoked.
            Unavailable: the keys of the identity provider are unavailable.
        """
        if len(credential) > MAX_CREDENTIAL:
            raise InvalidToken("The credential is not valid.")
        if credential.startswith(f"{KEY_PREFIX}_"):
            return await self._by_key(credential, late)
        header = header_of(credential)
        if header.get("alg") == ALGORITHM:
            return await self._by_login(credential, late)
        if self.provider is None:
            raise InvalidToken("The credential is not valid.")
        user, scopes = await self.provider.user(credential, header, late)
        return _principal(user, scopes)

    async def of_cookie(self, request: Request) -> Principal:
        """The user of a session, with all scopes; a stranger if the session is not valid.

        Browsers send a cookie after its session has ended, also to what is public.

        Raises:
            Forbidden: the request changes data, and a page of another origin sent it.
        """
        found = await self.sessions.of(request)
        if found is None:
            return STRANGER
        check_own_origin(request)
        session, user = found
        request.scope[SESSION] = session
        return _principal(user, scopes_of_user(user))

    async def _by_key(self, credential: str, late: float) -> Principal:
        secret = read_secret(credential, KEY_PREFIX)
        found = await self.keys.with_user(KeyId(secret.id))
        if found is None or not secret.fits(found[0].secret_sha256):
            raise InvalidToken("The API key is not valid.")
        key, user = found
        now = self.clock()
        if key.expires_at is not None and key.expires_at <= now - timedelta(seconds=late):
            raise InvalidToken("The API key has expired.")
        principal = _principal(user, key.scopes)
        self.uses[key.id] = now
        await self.first_key.note_use(key.id)
        return principal

    async def _by_login(self, credential: str, late: float) -> Principal:
        claims = self.tokens.read(credential, late)
        found = await self.logins.with_user(claims.login_id)
        if found is None or found[1].id != claims.user_id or found[0].expires_at <= self.clock():
            raise InvalidToken("The access token is no longer valid.")
        return _principal(found[1], claims.scopes)


def _principal(user: User, scopes: frozenset[str] | tuple[str, ...]) -> Principal:
    """The user with those of the scopes that it has now.

    Raises:
        InvalidToken: the user is disabled.
    """
    if user.is_disabled:
        raise InvalidToken("The credential is no longer valid.")
    granted = frozenset(scope for scope in scopes_of_user(user) if scope in scopes)
    return Principal(user.id, user.name, granted, is_operator=user.is_admin)


@dataclass(frozen=True, slots=True)
class Authenticator:
    """Reads the credentials of requests; without accounts every requester has all rights."""

    credentials: Credentials | None
    origins: frozenset[str] = frozenset()
    """Origins whose pages may change data if there are no accounts."""

    @property
    def has_accounts(self) -> bool:
        """Whether there are accounts."""
        return self.credentials is not None

    async def principal(self, request: Request) -> Principal:
        """The principal of a request.

        Raises:
            InvalidToken: the request has an invalid credential.
            InvalidRequest: it has two.
            Forbidden: it changes data, and a page of another site sent it.
        """
        known: Principal | None = request.scope.get(PRINCIPAL)
        if known is None:
            known = await self._found(request)
            request.scope[PRINCIPAL] = known
            noted_in(request.scope).principal = known.user_id
        return known

    async def authenticate_again(self, request: Request, *, late: float = 0.0) -> Principal:
        """The principal, authenticated again during a long request or response.

        Args:
            request: the request.
            late: the seconds since which its key or token may have expired.

        Raises:
            InvalidToken: the credential is no longer valid.
        """
        return await self._found(request, late)

    def check_site(self, request: Request) -> None:
        """Check a GET with side effects as changes are checked.

        Raises:
            Forbidden: a page of another site sends it.
        """
        if self.credentials is None:
            check_site(request, self.origins, is_change=True)
        elif session_of(request) is not None:
            check_own_origin(request, is_change=True)

    async def _found(self, request: Request, late: float = 0.0) -> Principal:
        if self.credentials is None:
            check_site(request, self.origins)
            return ANYBODY
        credential = credential_of(request)
        if credential is None:
            return await self.credentials.of_cookie(request)
        return await self.credentials.holder(credential, late)


def credential_of(request: Request) -> str | None:
    """The key or token of a request: a bearer's (RFC 6750, section 2.1), or X-API-Key.

    Raises:
        InvalidRequest: there are two.
        InvalidToken: it is of another scheme.
    """
    fields = [field.strip() for field in request.headers.getlist("authorization")]
    bearers = [field[7:].strip() for field in fields if field[:7].lower() == "bearer "]
    given = [*bearers, *(key.strip() for key in request.headers.getlist("x-api-key"))]
    if len(given) > 1:
        raise InvalidRequest("The request has two credentials; send one.")
    if given:
        return given[0]  # a proxy may add its own Basic credentials to a request with an X-API-Key
    if fields:
        raise InvalidToken("Only credentials of the scheme Bearer are accepted.")
    return None
