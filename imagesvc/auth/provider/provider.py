"""The JWTs of an identity provider, which are accepted as credentials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imagesvc.auth.principals import USER_SCOPES, Scope
from imagesvc.auth.provider.jwks import KeySet
from imagesvc.auth.provider.subjects import Subjects
from imagesvc.auth.provider.verification import verified_claims
from imagesvc.errors import InvalidToken
from imagesvc.model.accounts import User


@dataclass(frozen=True, slots=True)
class Provider:
    """Accepts the tokens of one issuer for one audience."""

    audience: str
    keys: KeySet
    subjects: Subjects

    async def user(
        self, token: str, header: dict[str, Any], late: float = 0.0
    ) -> tuple[User, frozenset[Scope]]:
        """The user of a token, created at the first token, and its scopes.

        Args:
            token: the JWT.
            header: its header, not verified.
            late: the seconds since which it may have expired.

        Raises:
            InvalidToken: the token is not valid.
            Unavailable: the keys are not available.
        """
        claims = await verified_claims(
            token, header, self.keys, audience=self.audience, issuer=self.subjects.issuer,
            late=late,
        )  # fmt: skip
        return await self.subjects.user(claims["sub"]), scopes_of(claims)


def scopes_of(claims: dict[str, Any]) -> frozenset[Scope]:
    """The scopes that the claim `scope` grants; without the claim, all (RFC 8693, 4.2)."""
    claim = claims.get("scope")
    if claim is None:
        return USER_SCOPES
    words = claim.split() if isinstance(claim, str) else claim
    if not isinstance(words, list):
        raise InvalidToken("The access token is not valid.")
    return frozenset(scope for scope in USER_SCOPES if scope in words)
