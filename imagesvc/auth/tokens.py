"""Access tokens of this service: JWTs (RFC 9068), signed with the key of this service."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from imagesvc.errors import InvalidToken
from imagesvc.model.accounts import Login
from imagesvc.model.ids import LoginId, UserId, utc_now

ALGORITHM = "HS256"
ISSUER = "imagesvc"
TYPE = "at+jwt"


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """The content of an access token; the database says whether its login is still valid."""

    user_id: UserId
    login_id: LoginId
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class AccessTokens:
    """Issues and reads access tokens."""

    key: bytes
    lifetime: timedelta
    clock: Callable[[], datetime] = utc_now

    def issue(self, login: Login, scopes: tuple[str, ...]) -> str:
        """A token for a login, with its lifetime."""
        import jwt  # noqa: PLC0415  # it and cryptography cost a start without accounts 60 ms

        now = self.clock()
        claims = {
            "iss": ISSUER,
            "aud": ISSUER,
            "sub": str(login.user_id),
            "sid": str(login.id),
            "scope": " ".join(scopes),
            "iat": now,
            "exp": now + self.lifetime,
        }
        return jwt.encode(claims, self.key, ALGORITHM, headers={"typ": TYPE})

    def read(self, token: str, late: float = 0.0) -> AccessClaims:
        """The content of a token of this service.

        Raises:
            InvalidToken: it is malformed, has expired for more than `late` seconds, or was changed.
        """
        claims = decoded(
            token, self.key, (ALGORITHM,), audience=ISSUER, issuer=ISSUER, needed=("sid", "scope"),
            leeway=late,
        )  # fmt: skip
        try:
            return AccessClaims(
                UserId(UUID(claims["sub"])),
                LoginId(UUID(claims["sid"])),
                frozenset(claims["scope"].split()),
            )
        except (ValueError, AttributeError) as error:
            raise InvalidToken("The access token is not valid.") from error


def header_of(token: str) -> dict[str, Any]:
    """The header of a JWT, before verification.

    Raises:
        InvalidToken: it is not a JWT, or requires an extension (RFC 7515, section 4.1.11).
    """
    import jwt  # noqa: PLC0415

    try:
        header: dict[str, Any] = jwt.get_unverified_header(token)
    except jwt.PyJWTError as error:
        raise InvalidToken("The credential is not valid.") from error
    if "crit" in header:
        raise InvalidToken("The credential is not valid.")
    return header


def decoded(  # noqa: PLR0913  # what a token must be is said in full at each place
    token: str,
    key: Any,
    algorithms: tuple[str, ...],
    *,
    audience: str,
    issuer: str,
    needed: tuple[str, ...] = (),
    leeway: float = 0.0,
) -> dict[str, Any]:
    """The claims of a JWT with a valid signature, time, audience and issuer.

    Raises:
        InvalidToken: one of them is not valid.
    """
    import jwt  # noqa: PLC0415

    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=algorithms,
            audience=audience,
            issuer=issuer,
            leeway=leeway,
            options={"require": ["iss", "aud", "sub", "exp", *needed]},
        )
    except jwt.ExpiredSignatureError as error:
        raise InvalidToken("The access token has expired.") from error
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
        raise InvalidToken("The access token is not valid.") from error
    return claims
