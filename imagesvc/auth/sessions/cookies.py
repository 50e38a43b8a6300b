"""The cookie of a session, and others that no script reads: names, attributes, and reading.

Name and path depend on where the browser sees the service, so that a page of a neighbouring
host or of another path cannot set one (RFC 6265bis, section 4.1.3). Only these names are read.
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

    def name_of(self, plain: str) -> str:
        """The name of a cookie here; the prefixes are rules that browsers enforce."""
        if not self.is_secure:
            return plain
        return f"__Host-{plain}" if self.path == "/" else f"__Secure-{plain}"


def session_token(request: Request) -> str | None:
    """The token in the session's cookie of a request, if it looks like one."""
    value = cookie_value(request, NAME)
    return None if value is None or _TOKEN.fullmatch(value) is None else value


def cookie_value(request: Request, plain: str) -> str | None:
    """The value of the cookie with this name, without its prefix.

    None if there is no such cookie, and also if there are two, of which one was set for another
    path or by a neighbouring host.
    """
    name = CookiePlace.of(request).name_of(plain)
    lines = [value for key, value in request.headers.raw if key == b"cookie"]
    pairs = (pair.partition("=") for pair in b";".join(lines).decode("latin-1").split(";"))
    values = [value.strip() for key, _, value in pairs if key.strip() == name]
    return values[0] if len(values) == 1 else None


def set_cookie(
    request: Request, response: Response, plain: str, value: str, lifetime: timedelta
) -> None:
    """Have the browser send a value with each request to this service, and show it to no script."""
    place = CookiePlace.of(request)
    response.set_cookie(
        place.name_of(plain),
        value,
        max_age=int(lifetime.total_seconds()),
        path=place.path,
        secure=place.is_secure,
        httponly=True,
        samesite="lax",
    )


def remove_cookie(request: Request, response: Response, plain: str) -> None:
    """Have the browser forget the value."""
    set_cookie(request, response, plain, "", timedelta())
