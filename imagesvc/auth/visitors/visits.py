"""The cookie of a visit to a share: it proves that the visit was counted, and the password sent.

It is valid for one share, and ends with the share's password. Nothing is stored for it: it is
signed.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from imagesvc.auth.sessions.cookies import CookiePlace
from imagesvc.model.ids import utc_now
from imagesvc.model.sharing import Share

LIFETIME = timedelta(hours=24)
_VALUE = re.compile(r"([0-9]{1,12})\.([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Visits:
    """Makes and checks the cookies."""

    key: bytes = field(repr=False)
    clock: Callable[[], datetime] = utc_now

    def is_valid(self, request: Request, share: Share) -> bool:
        """Whether a request has the cookie of a visit that has not ended."""
        return self._is_valid(request.cookies.get(_name(share), ""), share)

    def begin(self, request: Request, response: Response, share: Share, token: str) -> None:
        """Have the browser send a new cookie with its requests to this share."""
        now = self.clock()
        ends = now + LIFETIME
        if share.expires_at is not None:
            ends = min(ends, share.expires_at)
        place, expires = CookiePlace.of(request), int(ends.timestamp())
        for path in (f"/s/{token}", f"/api/v1/shared/{token}"):
            response.set_cookie(
                _name(share),
                f"{expires}.{self._mac(share, expires)}",
                max_age=max(0, expires - int(now.timestamp())),
                path=f"{place.path.rstrip('/')}{path}",
                secure=place.is_secure,
                httponly=True,
                samesite="lax",
            )

    def _is_valid(self, value: str, share: Share) -> bool:
        match = _VALUE.fullmatch(value)
        if match is None:
            return False
        expires = int(match[1])
        is_ours = hmac.compare_digest(match[2], self._mac(share, expires))
        return is_ours and datetime.fromtimestamp(expires, UTC) > self.clock()

    def _mac(self, share: Share, expires: int) -> str:
        text = f"{share.id} {share.token_sha256} {expires} {share.password_hash or ''}"
        return hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()


def _name(share: Share) -> str:
    return f"imagesvc_share_{share.id}"
