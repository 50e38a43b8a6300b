"""Users of an identity provider: its JWTs, and the users made for their subjects."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from imagesvc.auth.principals import USER_SCOPES, Scope
from imagesvc.auth.provider.external_names import names_for
from imagesvc.auth.provider.jwks import KeySet
from imagesvc.auth.tokens import decoded
from imagesvc.errors import Conflict, InvalidToken
from imagesvc.model.accounts import User
from imagesvc.model.ids import UserId, new_id, utc_now
from imagesvc.store.accounts import UserStore

LEEWAY_SECONDS = 30.0
MAX_SUBJECT = 255  # OpenID Connect Core, section 2


@dataclass(frozen=True, slots=True)
class Provider:
    """Accepts the tokens of one issuer for one audience."""

    issuer: str
    audience: str
    keys: KeySet
    users: UserStore
    clock: Callable[[], datetime] = utc_now

    async def user(self, token: str, header: dict[str, Any]) -> tuple[User, frozenset[Scope]]:
        """The user of a token, created at the first token, and its scopes.

        Raises:
            InvalidToken: the token is not valid.
            Unavailable: the keys are not available.
        """
        key_id = header.get("kid")
        if not isinstance(key_id, str | None):
            raise InvalidToken("The access token is not valid.")
        algorithm, key = await self.keys.key(key_id)
        claims = decoded(
            token, key, (algorithm,), audience=self.audience, issuer=self.issuer,
            leeway=LEEWAY_SECONDS,
        )  # fmt: skip
        subject = claims["sub"]
        if not isinstance(subject, str) or not re.fullmatch(r"[\x20-\x7e]+", subject):
            raise InvalidToken("The access token names no subject that can be kept.")
        if len(subject) > MAX_SUBJECT:
            raise InvalidToken("The access token names no subject that can be kept.")
        return await self._known(subject), scopes_of(claims)

    async def _known(self, subject: str) -> User:
        """The user of a subject: the existing one, or a new one."""
        namespaced = f"{self.issuer} {subject}"
        for name in names_for(self.issuer, subject):
            user = await self.users.with_subject(namespaced)
            if user is not None:
                return user
            user = User(
                id=UserId(new_id()),
                name=name,
                password_hash=None,
                is_admin=False,
                is_disabled=False,
                created_at=self.clock(),
                subject=namespaced,
            )
            with contextlib.suppress(Conflict):  # the name is in use, or another request was faster
                await self.users.add(user)
                return user
        user = await self.users.with_subject(namespaced)
        if user is None:
            raise Conflict("Every name for this user is in use.")
        return user


def scopes_of(claims: dict[str, Any]) -> frozenset[Scope]:
    """The scopes that the claim `scope` grants; without the claim, all (RFC 8693, 4.2)."""
    claim = claims.get("scope")
    if claim is None:
        return USER_SCOPES
    words = claim.split() if isinstance(claim, str) else claim
    if not isinstance(words, list):
        raise InvalidToken("The access token is not valid.")
    return frozenset(scope for scope in USER_SCOPES if scope in words)
