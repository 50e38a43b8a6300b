"""Without accounts, a page of another site could use the visitor's browser to change data (CSRF).

Requests that change data are refused when a page of another site caused them. DNS rebinding
needs no check here: `server/middleware/local_only.py` accepts loopback names only.
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

from starlette.requests import Request

from imagesvc.errors import Forbidden
from imagesvc.syntax.header_fields import joined_field
from imagesvc.syntax.hosts import is_loopback

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
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


def is_loopback_netloc(netloc: str) -> bool:
    """Whether a host, with or without a port, is a name or an address of loopback."""
    match = _NETLOC.fullmatch(netloc)
    if match is None:
        return False
    name = (match[1] or match[2]).lower()
    return is_loopback(name) or name.endswith(".localhost")
