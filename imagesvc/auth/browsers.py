"""Without accounts, the browser is the hole: any web page may ask a port of this machine.

What changes something is refused when a page of another site asks for it, and what a page could
read is refused under a host name that someone else may have pointed here (DNS rebinding).
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.requests import Request

from imagesvc.errors import Forbidden
from imagesvc.settings import is_loopback

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def check_site(request: Request, allowed_hosts: Collection[str]) -> None:
    """Refuse requests that a page of another site may have caused.

    Raises:
        Forbidden: the page, or the name of this host, is a stranger's.
    """
    host = request.headers.get("host", "")
    if host and not _is_ours(host, allowed_hosts):  # browsers always send one
        raise Forbidden(
            "Without accounts the API answers to loopback names, addresses and allowed_hosts alone."
        )
    if request.method in SAFE_METHODS:
        return
    origin = request.headers.get("origin")
    if origin is not None:
        page = origin.partition("://")[2]
        if page != host and not _is_ours(page, allowed_hosts, addresses=False):
            raise Forbidden("Without accounts, pages of other sites may change nothing here.")
    elif request.headers.get("sec-fetch-site") == "cross-site":
        raise Forbidden("Without accounts, pages of other sites may change nothing here.")


def _is_ours(netloc: str, allowed_hosts: Collection[str], *, addresses: bool = True) -> bool:
    try:
        name = urlsplit(f"//{netloc}").hostname or ""
    except ValueError:
        return False
    if is_loopback(name) or name.endswith(".localhost") or name in allowed_hosts:
        return True
    return addresses and _is_address(name)


def _is_address(name: str) -> bool:
    """Nobody can point an address elsewhere."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
