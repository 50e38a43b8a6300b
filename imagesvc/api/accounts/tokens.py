"""Tokens: `/api/v1/auth/token`, shaped like OAuth 2 (RFC 6749), and their end (RFC 7009)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from starlette.requests import Request
from starlette.responses import Response

from imagesvc.auth.limits import Limit, RateLimits
from imagesvc.auth.logins import Sessions
from imagesvc.auth.principals import Scope
from imagesvc.errors import FileTooLarge, Overloaded, Unauthorized, UnsupportedMediaType
from imagesvc.http.bodies.json_bodies import (
    FORM,
    JSON,
    check_media_type,
    media_type_of,
    sent_form,
    sent_json,
)
from imagesvc.http.operations import Operation, Raw
from imagesvc.http.requests import faults_of, json_response, only_known

Model = TypeVar("Model", bound=BaseModel)

TAG = "accounts"


def _scopes(text: str) -> str:
    words = text.split(" ")
    for word in words:
        if word not in set(Scope):
            raise ValueError(f"knows {', '.join(Scope)}, with spaces between")
    return text


class TokenIn(BaseModel):
    """Asks for tokens: by name and password, or by a refresh token."""

    model_config = ConfigDict(extra="forbid", strict=True)

    grant_type: Literal["password", "refresh_token"] = "password"
    username: str | None = Field(None, max_length=64)
    password: str | None = Field(None, max_length=1024)
    refresh_token: str | None = Field(None, max_length=1024)
    scope: Annotated[str, AfterValidator(_scopes)] | None = None
    """Words with spaces between; narrows what the tokens are good for."""

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
        """What is asked for; None for all that there is."""
        return None if self.scope is None else frozenset(map(Scope, self.scope.split(" ")))


class TokenOut(BaseModel):
    """Tokens (RFC 6749, section 5.1)."""

    access_token: str
    refresh_token: str
    """Good for one use."""
    token_type: Literal["bearer"] = "bearer"  # noqa: S105  # the name of a scheme
    expires_in: int
    """Seconds that the access token is good."""
    scope: str


class RevokeIn(BaseModel):
    """Names the token whose login is to end (RFC 7009, section 2.1)."""

    model_config = ConfigDict(extra="forbid", strict=True)

    token: str = Field(max_length=8192)
    token_type_hint: str | None = None
    """Not needed; taken, since the RFC has it."""


@dataclass(frozen=True, slots=True)
class TokenEndpoints:
    """The operations on tokens; the fields are everything they may touch."""

    sessions: Sessions
    limits: RateLimits

    def operations(self) -> list[Operation]:
        """The operations this module serves; `app.py` concatenates them."""
        errors = (Unauthorized, UnsupportedMediaType, FileTooLarge, Overloaded)
        return [
            Operation(
                "create_token", "POST", "/api/v1/auth/token", self.grant, {200: TokenOut}, TAG,
                bodies=(TokenIn, Raw((FORM,), model=TokenIn)), errors=errors, limit=Limit.ADDRESS,
            ),
            Operation(
                "revoke_token", "POST", "/api/v1/auth/revoke", self.revoke, {200: None}, TAG,
                bodies=(RevokeIn, Raw((FORM,), model=RevokeIn)), errors=errors[1:3],
                limit=Limit.ADDRESS,
            ),
        ]  # fmt: skip

    async def grant(self, request: Request) -> Response:
        """Tokens for a name and password, or for a refresh token, which is good for one use.

        A refresh token that comes a second time ends its login: it is in two hands.
        """
        asked = await _sent(request, TokenIn)
        if asked.grant_type == "password":
            name = asked.username or ""
            self.limits.check_login(request, name)
            grant = await self.sessions.log_in(name, asked.password or "", asked.scopes)
        else:
            grant = await self.sessions.go_on(asked.refresh_token or "", asked.scopes)
        self.limits.know_login(request, grant.user_name)
        tokens = TokenOut(
            access_token=grant.access_token,
            refresh_token=grant.refresh_token,
            expires_in=int(self.sessions.tokens.lifetime.total_seconds()),
            scope=" ".join(grant.scopes),
        )
        return json_response(tokens, headers={"pragma": "no-cache"})

    async def revoke(self, request: Request) -> Response:
        """End the login of an access or refresh token; all its tokens stop at once.

        The answer is the same for a token that is not valid (RFC 7009, section 2.2).
        """
        await self.sessions.revoke((await _sent(request, RevokeIn)).token)
        return Response(headers={"cache-control": "no-store"})


async def _sent(request: Request, kind: type[Model]) -> Model:
    """A body that is a form, as RFC 6749 has it, or JSON."""
    only_known(request, set())
    check_media_type(request, JSON, FORM)
    if media_type_of(request) == JSON:
        return await sent_json(request, kind)
    try:
        return kind.model_validate(await sent_form(request))
    except ValidationError as error:
        raise faults_of(error) from error
