"""The client, host and path of the original request, from fields that trusted proxies set.

`Forwarded` (RFC 7239) is used, or `X-Forwarded-For`, `-Proto` and `-Host` if it is missing. The
fields are trusted only from peers in the trusted networks, and only back to the first address that
is not in them: any client could send them. `X-Forwarded-Prefix`, which has no counterpart in
`Forwarded`, is that of the nearest proxy.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Literal

from starlette.types import ASGIApp, Receive, Scope, Send

from imagesvc.syntax.header_fields import FieldsByName, fields_by_name, members_of
from imagesvc.syntax.prefixes import prefix_of
from imagesvc.syntax.url_bases import ORIGIN, PREFIX

Address = IPv4Address | IPv6Address
Network = Literal["unix"] | IPv4Network | IPv6Network
"""A network of peers; `unix` is every peer of a Unix socket, which has no address."""

_PAIR = re.compile(r'\s*([!#$%&\'*+.^_`|~\w-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s";,]*))\s*', re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")
MAX_HOPS = 20
MAX_ADDRESS = 100
"""Characters; an IPv6 address with a zone, brackets and a port has fewer."""


@dataclass(frozen=True, slots=True)
class Hop:
    """The data of one proxy about its request; None if a value is missing."""

    address: Address | None
    proto: str | None = None
    host: str | None = None


class ForwardedMiddleware:
    """Sets the client, scheme and host in the ASGI scope from trusted proxies."""

    def __init__(self, app: ASGIApp, trusted: Sequence[Network]) -> None:
        self._app = app
        self._trusted = trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Correct the scope, and call the application."""
        if scope["type"] == "http":
            scope = self.corrected(scope, fields_by_name(scope["headers"]))
        await self._app(scope, receive, send)

    def corrected(self, scope: Scope, fields: FieldsByName) -> Scope:
        """The scope of the original request, if the peer is trusted."""
        if not is_peer_trusted(scope.get("client"), self._trusted):
            return scope
        hop = self._first_untrusted(hops(fields))
        corrected = scope if hop is None else _corrected(scope, hop)
        prefix = prefix_of(_members(fields, b"x-forwarded-prefix")[-1])
        return {**corrected, PREFIX: prefix} if prefix else corrected

    def _first_untrusted(self, found: list[Hop]) -> Hop | None:
        """The hops from the nearest proxy back to the first address that is not trusted."""
        for hop in reversed(found):
            if not self._is_trusted(hop.address):
                return hop
        return found[0] if found else None

    def _is_trusted(self, address: Address | None) -> bool:
        return address is not None and _is_in(address, self._trusted)


def is_peer_trusted(client: tuple[str, int] | None, networks: Sequence[Network]) -> bool:
    """Whether the client of a connection, None at a Unix socket, is in one of the networks."""
    return "unix" in networks if client is None else is_within(client[0], networks)


def is_within(address: str, networks: Sequence[Network]) -> bool:
    """Whether a peer's address lies in one of the networks."""
    known = _address(address)
    return known is not None and _is_in(known, networks)


def _is_in(address: Address, networks: Sequence[Network]) -> bool:
    return any(network != "unix" and address in network for network in networks)


def hops(fields: FieldsByName) -> list[Hop]:
    """The hops that the fields report, the farthest first."""
    if fields.get(b"forwarded"):
        return [_forwarded_hop(element) for element in _members(fields, b"forwarded")]
    addresses = _members(fields, b"x-forwarded-for")
    if addresses == [""]:
        return []
    # Proxies mostly set proto and host once, and append to the addresses.
    proto = _members(fields, b"x-forwarded-proto")[-1] or None
    host = _members(fields, b"x-forwarded-host")[-1] or None
    return [Hop(_address(item), proto, host) for item in addresses]


def _members(fields: FieldsByName, name: bytes) -> list[str]:
    """The members of a list that the nearest proxies wrote; one that is empty without the field."""
    members = fields.get(name, b"").decode("latin-1").rsplit(",", MAX_HOPS)
    return [member.strip() for member in members[-MAX_HOPS:]]


def _forwarded_hop(element: str) -> Hop:
    values = {
        match[1].lower(): match[2] if match[2] is not None else match[3]
        for match in (_PAIR.fullmatch(pair) for pair in members_of(element, ";"))
        if match is not None
    }
    return Hop(_address(values.get("for", "")), values.get("proto"), values.get("host"))


def _address(text: str) -> Address | None:
    """An address with or without brackets and port; None for `unknown` and hidden names."""
    return _parsed(text) if len(text) <= MAX_ADDRESS else None


@lru_cache(maxsize=1024)
def _parsed(text: str) -> Address | None:
    """The address; a proxy and its clients send the same many times."""
    bracketed = re.fullmatch(r"\[([^\]]+)\](?::\d+)?", text)
    plain = bracketed[1] if bracketed else re.sub(r"^([\d.]+):\d+$", r"\1", text)
    try:
        address = ip_address(plain)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address  # a socket that takes both writes IPv4 addresses as IPv6


def _corrected(scope: Scope, hop: Hop) -> Scope:
    corrected = dict(scope)
    if hop.address is not None:
        corrected["client"] = (str(hop.address), 0)
    if hop.proto in {"http", "https"}:
        corrected["scheme"] = hop.proto
    if hop.host is not None and _HOST.fullmatch(hop.host):
        corrected[ORIGIN] = f"{corrected['scheme']}://{hop.host}"
        kept = [item for item in scope["headers"] if item[0] != b"host"]
        corrected["headers"] = [*kept, (b"host", hop.host.encode("ascii"))]
    return corrected
