"""Pages of other sites must not change data through the visitor's browser (CSRF).

Browsers add the cookie of a session to each request; without accounts, no credential is needed at
all. In both cases requests that change data are refused when a page of another site caused them.
DNS rebinding needs no check here: without accounts, `server/middleware/local_only.py` accepts
loopback names only, and a browser has no cookie for another name.
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from urllib.parse import urlsplit

from starlette.requests import Request

from imagesvc.errors import Forbidden
from imagesvc.syntax.header_fields import joined_field
from imagesvc.syntax.hosts import is_loopback
from imagesvc.syntax.url_bases import absolute_base_in

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SAME_ORIGIN = frozenset({"same-origin", "none"})
"""The values of Sec-Fetch-Site for a page of this service, and for the visitor's own input."""
_USUAL_PORTS = {"http": ":80", "https": ":443"}
_NETLOC = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9.-]+))(?::[0-9]{1,5})?", re.IGNORECASE)


def check_site(
    request: Request, allowed: AbstractSet[str] = frozenset(), *, is_change: bool = False
) -> None:
    """Refuse requests that a page of another site may have caused.

    Args:
        request: the request.
        allowed: origins with the rights of local pages.
        is_change: whether the request changes data regardless of its method.

    Raises:
        Forbidden: the page is of another site.
    """
    if request.method in SAFE_METHODS and not is_change:
        return
    origin = joined_field(request.headers.raw, b"origin")
    if origin is not None:
        is_ours = origin.lower() in allowed or is_loopback_netloc(origin.partition("://")[2])
    else:
        is_ours = "cross-site" not in (joined_field(request.headers.raw, b"sec-fetch-site") or "")
    if not is_ours:
        raise Forbidden("Without accounts, pages of other sites may not change data.")


def check_own_origin(request: Request, *, is_change: bool = False) -> None:
    """Refuse requests with a cookie that a page of another origin may have caused.

    A browser that does not send Sec-Fetch-Site sends Origin with each change. A request with
    neither is not from a page.

    Args:
        request: the request.
        is_change: whether the request changes data regardless of its method.

    Raises:
        Forbidden: the page is of another origin, of the same site or not.
    """
    if request.method in SAFE_METHODS and not is_change:
        return
    site = joined_field(request.headers.raw, b"sec-fetch-site")
    if site is not None:
        is_ours = site in SAME_ORIGIN
    else:
        origin = joined_field(request.headers.raw, b"origin")
        is_ours = origin is None or origin.lower() in _own_origins(request)
    if not is_ours:
        raise Forbidden(
            "Pages of other origins may not change data with the session of a browser. If this "
            "page is part of this service, public_url must name the URL that browsers use."
        )


def _own_origins(request: Request) -> set[str]:
    """The origins of this service's pages: that of public_url, and that of the request."""
    public = urlsplit(absolute_base_in(request.scope))
    host = request.headers.get("host", "")
    return {_origin(public.scheme, public.netloc), _origin(request.scope["scheme"], host)}


def _origin(scheme: str, netloc: str) -> str:
    """An origin as browsers write it (Fetch, section 3.1)."""
    return f"{scheme}://{netloc.lower().removesuffix(_USUAL_PORTS.get(scheme, ''))}"


def is_loopback_netloc(netloc: str) -> bool:
    """Whether a host, with or without a port, is a name or an address of loopback."""
    match = _NETLOC.fullmatch(netloc)
    if match is None:
        return False
    name = (match[1] or match[2]).lower()
    return is_loopback(name) or name.endswith(".localhost")
