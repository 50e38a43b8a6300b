"""JWTs that an identity provider signed: the key determines the algorithm, never the token."""

from __future__ import annotations

from typing import Any

from imagesvc.auth.provider.jwks import KeySet
from imagesvc.auth.tokens import decoded
from imagesvc.errors import InvalidToken

LEEWAY_SECONDS = 30.0


async def verified_claims(  # noqa: PLR0913  # what a token must be is said in full at each place
    token: str,
    header: dict[str, Any],
    keys: KeySet,
    *,
    audience: str,
    issuer: str,
    needed: tuple[str, ...] = (),
    late: float = 0.0,
) -> dict[str, Any]:
    """The claims of a JWT with a valid signature by one of the keys, time, audience and issuer.

    Args:
        token: the JWT.
        header: its header, not verified.
        keys: those of the issuer.
        audience: which the token must be for.
        issuer: of the token.
        needed: claims that it must have, beside the usual ones.
        late: the seconds since which it may have expired.

    Raises:
        InvalidToken: the token is not valid.
        Unavailable: the keys are not available.
    """
    key_id = header.get("kid")
    if not isinstance(key_id, str | None):
        raise InvalidToken("The access token is not valid.")
    algorithm, key = await keys.key(key_id)
    return decoded(
        token, key, (algorithm,), audience=audience, issuer=issuer, needed=needed,
        leeway=LEEWAY_SECONDS + late,
    )  # fmt: skip
