"""The cookie of a session: its name and attributes, and how it is read.

Its name and path depend on where the browser sees the service, so that a page of a neighbouring
host or of another path cannot set it (RFC 6265bis, section 4.1.3). Only this name is read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from imagesvc.syntax.url_bases import absolute_base_in

NAME = "imagesvc"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class CookiePlace:
    """The scheme and the path at which a browser sees the service."""

    is_secure: bool
    path: str

    @classmethod
    def of(cls, request: Request) -> CookiePlace:
        """The place by the settings, trusted proxies and the connection, in this order."""
        base = urlsplit(absolute_base_in(request.scope))
        scheme = base.scheme or request.scope["scheme"]
        return cls(scheme == "https", base.path or "/")

    @property
    def name(self) -> str:
        """The name of the cookie; the prefixes are rules that browsers enforce."""
        if not self.is_secure:
            return NAME
        return f"__Host-{NAME}" if self.path == "/" else f"__Secure-{NAME}"


def session_token(request: Request) -> str | None:
    """The token in the cookie of a request.

    None if there is no such cookie, and also if there are two, of which one was set for another
    path or by a neighbouring host.
    """
    values = cookie_values(request, CookiePlace.of(request).name)
    if len(values) != 1 or _TOKEN.fullmatch(values[0]) is None:
        return None
    return values[0]


def cookie_values(request: Request, name: str) -> list[str]:
    """The values of all cookies with this name."""
    lines = [value for key, value in request.headers.raw if key == b"cookie"]
    pairs = (pair.partition("=") for pair in b";".join(lines).decode("latin-1").split(";"))
    return [value.strip() for key, _, value in pairs if key.strip() == name]


def set_session_cookie(
    request: Request, response: Response, token: str, lifetime: timedelta
) -> None:
    """Have the browser send the token with each request to this service."""
    _set(request, response, token, int(lifetime.total_seconds()))


def remove_session_cookie(request: Request, response: Response) -> None:
    """Have the browser forget the token."""
    _set(request, response, "", 0)


def _set(request: Request, response: Response, value: str, max_age: int) -> None:
    place = CookiePlace.of(request)
    response.set_cookie(
        place.name,
        value,
        max_age=max_age,
        path=place.path,
        secure=place.is_secure,
        httponly=True,
        samesite="lax",
    )
