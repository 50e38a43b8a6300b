"""Log-in at an identity provider: the authorization code flow of OpenID Connect with PKCE.

The provider is asked for the identity only: no access token of it is kept or used.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import quote_plus, urlencode

import structlog
from pydantic_core import from_json

from imagesvc.auth.provider.browser_tickets import Ticket, challenge_of
from imagesvc.auth.provider.discovery import Discovery, Endpoints
from imagesvc.auth.provider.subjects import Subjects
from imagesvc.auth.provider.verification import verified_claims
from imagesvc.auth.tokens import header_of
from imagesvc.errors import (
    Forbidden,
    ImagesvcError,
    InvalidToken,
    Overloaded,
    Unavailable,
    text_of,
)
from imagesvc.model.accounts import User

log = structlog.get_logger()

START, CALLBACK = "/auth/oidc/start", "/auth/oidc/callback"
EXCHANGE_SECONDS = 10.0
MAX_BYTES = 64 << 10
MAX_AT_ONCE = 32
_ERROR = re.compile(r"[a-z_]{1,40}")

Post = Callable[[str, Mapping[str, str], bytes, int], Awaitable[tuple[int, bytes]]]
"""Sends fields and a body to a URL; the status and the body, of this size at most."""


@dataclass(frozen=True, slots=True)
class OidcClient:
    """This service as a client of the provider."""

    id: str
    secret: str | None = field(repr=False)
    redirect_uri: str
    """Registered at the provider; no request determines it."""


@dataclass(frozen=True, slots=True)
class Returned:
    """The parameters with which the provider sends a browser back."""

    code: str | None
    state: str | None
    iss: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class CodeFlow:
    """Sends browsers to the provider, and finds their users when they come back."""

    client: OidcClient
    discovery: Discovery
    subjects: Subjects
    key: bytes
    post: Post
    clock: Callable[[], float] = time.time
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_AT_ONCE))

    async def start(self, target: str) -> tuple[str, Ticket]:
        """The URL of the provider where the browser logs in, and the ticket that it keeps.

        Raises:
            Unavailable: the provider is not available.
        """
        endpoints = await self.discovery.endpoints()
        ticket = Ticket.new(int(self.clock()), target)
        query = urlencode({
            "response_type": "code",
            "client_id": self.client.id,
            "redirect_uri": self.client.redirect_uri,
            "scope": "openid",
            "state": ticket.derived(self.key, "state"),
            "nonce": ticket.derived(self.key, "nonce"),
            "code_challenge": challenge_of(ticket.derived(self.key, "verifier")),
            "code_challenge_method": "S256",
        })  # fmt: skip
        joined = "&" if "?" in endpoints.authorization else "?"
        return f"{endpoints.authorization}{joined}{query}", ticket

    async def finish(self, ticket_text: str, returned: Returned) -> tuple[User, str]:
        """The user of a browser that came back, and the page to show.

        Raises:
            Forbidden: the log-in did not begin in this browser, or the provider did not confirm it.
            Unavailable: the provider is not available.
            Overloaded: too many log-ins are being confirmed.
        """
        ticket = self._checked_ticket(ticket_text, returned)
        endpoints = await self.discovery.endpoints()
        self._check_issuer(endpoints, returned)
        if returned.error is not None or not returned.code:
            reason = returned.error or ""
            shown = reason if _ERROR.fullmatch(reason) else "no code"
            raise Forbidden(f"The identity provider did not log you in: {shown}.")
        if self._slots.locked():
            raise Overloaded("Too many log-ins are being confirmed by the identity provider.")
        async with self._slots:
            token = await self._id_token(endpoints, returned.code, ticket)
        try:
            claims = await self._claims(endpoints, token, ticket)
            user = await self.subjects.user(claims["sub"])
        except InvalidToken as error:
            raise _unconfirmed(error) from error
        if user.is_disabled:
            raise Forbidden("This user is disabled.")
        return user, ticket.target

    def _checked_ticket(self, text: str, returned: Returned) -> Ticket:
        """The ticket of the browser, if the state was made from it."""
        try:
            ticket = Ticket.read(text)
        except ValueError:
            ticket = None
        state = (returned.state or "").encode()
        if (
            ticket is None
            or not hmac.compare_digest(ticket.derived(self.key, "state").encode(), state)
            or not ticket.is_valid(int(self.clock()))
        ):
            raise Forbidden(
                "This log-in did not begin in this browser, or too long ago; log in again."
            )
        return ticket

    def _check_issuer(self, endpoints: Endpoints, returned: Returned) -> None:
        """Refuse the answer of another provider (RFC 9207)."""
        is_wrong = returned.iss is not None and returned.iss != self.discovery.issuer
        if is_wrong or (endpoints.names_issuer and returned.iss is None):
            raise Forbidden("The answer is not from the identity provider; log in again.")

    async def _id_token(self, endpoints: Endpoints, code: str, ticket: Ticket) -> str:
        """The identity token for a code (RFC 6749, section 4.1.3).

        Raises:
            Forbidden: the provider refuses the code, or sends no token.
            Unavailable: it does not answer.
        """
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.client.redirect_uri,
            "client_id": self.client.id,
            "code_verifier": ticket.derived(self.key, "verifier"),
        }
        headers = {
            "Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json",
        }  # fmt: skip
        if self.client.secret is not None and endpoints.takes_secret_in_body:
            form["client_secret"] = self.client.secret
        elif self.client.secret is not None:
            headers["Authorization"] = _basic(self.client.id, self.client.secret)
        try:
            async with asyncio.timeout(EXCHANGE_SECONDS):
                status, body = await self.post(
                    endpoints.token, headers, urlencode(form).encode(), MAX_BYTES
                )
        except (ImagesvcError, OSError) as error:
            log.warning("no answer from the provider", action="oidc.failed", error=text_of(error))
            raise Unavailable("The identity provider is not available now.") from error
        return _token_in(status, body)

    async def _claims(self, endpoints: Endpoints, token: str, ticket: Ticket) -> dict[str, Any]:
        """The verified claims of an identity token (OpenID Connect Core, section 3.1.3.7).

        Raises:
            InvalidToken: it is not for this client, or not for this log-in.
        """
        claims = await verified_claims(
            token, header_of(token), endpoints.keys,
            audience=self.client.id, issuer=self.discovery.issuer, needed=("iat", "nonce"),
        )  # fmt: skip
        if claims["nonce"] != ticket.derived(self.key, "nonce"):
            raise InvalidToken("The identity token is for another log-in.")
        audience = claims["aud"]
        is_for_several = isinstance(audience, list) and len(audience) > 1
        if claims.get("azp", None if is_for_several else self.client.id) != self.client.id:
            raise InvalidToken("The identity token is for another client.")
        return claims


def _basic(client_id: str, secret: str) -> str:
    """The client's credentials as RFC 6749, section 2.3.1, encodes them."""
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _token_in(status: int, body: bytes) -> str:
    try:
        document = from_json(body)
    except ValueError:
        document = None
    token = document.get("id_token") if isinstance(document, dict) else None
    if status != HTTPStatus.OK or not isinstance(token, str):
        error = document.get("error") if isinstance(document, dict) else None
        known = error if isinstance(error, str) and _ERROR.fullmatch(error) else "no token"
        raise _unconfirmed(ValueError(f"status {status}, {known}"))
    return token


def _unconfirmed(error: Exception) -> Forbidden:
    log.warning("a log-in was not confirmed", action="oidc.refused", error=text_of(error))
    return Forbidden("The identity provider did not confirm this log-in; log in again.")
