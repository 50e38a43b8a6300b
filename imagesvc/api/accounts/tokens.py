"""Tokens: `/api/v1/auth/token`, shaped like OAuth 2 (RFC 6749), and their end (RFC 7009)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator
from starlette.responses import Response

from imagesvc.auth.logins import Logins
from imagesvc.auth.principals import Scope
from imagesvc.auth.rates.limits import Limit, RateLimits
from imagesvc.errors import FileTooLarge, Overloaded, Unauthorized, UnsupportedMediaType
from imagesvc.http.bodies.json_bodies import JsonOrForm
from imagesvc.http.calls import Call
from imagesvc.http.models import Model, Sent
from imagesvc.http.operations import operation
from imagesvc.http.requests import json_response

TAG = "accounts"


def _scopes(text: str) -> str:
    words = text.split(" ")
    for word in words:
        if word not in set(Scope):
            raise ValueError(f"may have {', '.join(Scope)}, separated by spaces")
    return text


class TokenIn(Sent, title="TokenRequest"):
    """A request for tokens: by name and password, or by a refresh token."""

    grant_type: Literal["password", "refresh_token"] = "password"
    username: str | None = Field(None, max_length=64)
    password: str | None = Field(None, max_length=1024)
    refresh_token: str | None = Field(None, max_length=1024)
    scope: Annotated[str, AfterValidator(_scopes)] | None = None
    """Scopes separated by spaces, to which the tokens are limited."""

    @model_validator(mode="after")
    def _fits_the_grant(self) -> TokenIn:
        for_password = self.username is not None, self.password is not None
        if self.grant_type == "password":
            if not all(for_password) or self.refresh_token is not None:
                raise ValueError("the grant password takes a username and a password")
        elif any(for_password) or self.refresh_token is None:
            raise ValueError("the grant refresh_token takes a refresh_token")
        return self

    @property
    def scopes(self) -> frozenset[Scope] | None:
        """The requested scopes; None for all scopes of the user."""
        return None if self.scope is None else frozenset(map(Scope, self.scope.split(" ")))


class TokenOut(Model, title="Token"):
    """Tokens (RFC 6749, section 5.1)."""

    access_token: str
    refresh_token: str
    """Can be used once."""
    token_type: Literal["bearer"] = "bearer"  # noqa: S105  # the name of a scheme
    expires_in: int
    """Seconds for which the access token is valid."""
    scope: str


class RevokeIn(Sent, title="RevokeRequest"):
    """Names the token whose login is to end (RFC 7009, section 2.1)."""

    token: str = Field(max_length=8192)
    token_type_hint: str | None = None
    """Ignored; accepted because the RFC defines it."""


@dataclass(frozen=True, slots=True)
class TokenEndpoints:
    """The operations on tokens; the fields are their dependencies."""

    logins: Logins
    limits: RateLimits

    @operation(
        "create_token", "POST", "/api/v1/auth/token", tag=TAG, limit=Limit.ADDRESS,
        body=JsonOrForm(TokenIn), answers={200: TokenOut},
        errors=(Unauthorized, UnsupportedMediaType, FileTooLarge, Overloaded),
    )  # fmt: skip
    async def grant(self, call: Call[None, TokenIn]) -> Response:
        """Tokens for a name and password, or for a refresh token, which can be used once.

        A refresh token used twice has been stolen or replayed, so its login is revoked.
        """
        asked = call.body
        if asked.grant_type == "password":
            name = asked.username or ""
            await self.limits.check_login(call.request, name)
            grant = await self.logins.log_in(name, asked.password or "", asked.scopes)
        else:
            grant = await self.logins.refresh(asked.refresh_token or "", asked.scopes)
        await self.limits.remember_login(call.request, grant.user_name)
        tokens = TokenOut(
            access_token=grant.access_token,
            refresh_token=grant.refresh_token,
            expires_in=int(self.logins.tokens.lifetime.total_seconds()),
            scope=" ".join(grant.scopes),
        )
        return json_response(tokens, headers={"pragma": "no-cache"})

    @operation(
        "revoke_token", "POST", "/api/v1/auth/revoke", tag=TAG, limit=Limit.ADDRESS,
        body=JsonOrForm(RevokeIn), answers={200: None},
        errors=(UnsupportedMediaType, FileTooLarge),
    )  # fmt: skip
    async def revoke(self, call: Call[None, RevokeIn]) -> Response:
        """End the login of an access or refresh token; all its tokens stop working immediately.

        The response is the same for an invalid token (RFC 7009, section 2.2).
        """
        await self.logins.revoke(call.body.token)
        return Response(headers={"cache-control": "no-store"})
