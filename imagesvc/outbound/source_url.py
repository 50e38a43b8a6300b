"""URLs of sources: a strict grammar, so that no two parsers read a URL differently."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote, unquote, urlsplit

MAX_URL = 4096
MAX_HOST = 253
DEFAULT_PORTS = {"http": 80, "https": 443}
LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
AUTHORITY = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::([0-9]{0,5}))?")
UNSAFE = re.compile(r"[\x00-\x20\x7f-\x9f\\\u2028\u2029]")
TARGET_SAFE = "%/?:@!$&'()*+,;=-._~[]|"


@dataclass(frozen=True, slots=True)
class SourceUrl:
    """The URL of an image; the host is a name, or an address without brackets."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """Host and port as in the Host field (RFC 9110, section 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def filename(self) -> str:
        """The last segment of the path, decoded, as a name for display."""
        return unquote(self.target.partition("?")[0].rpartition("/")[2])

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"


def parse_source_url(text: str, *, ports: frozenset[int] | range) -> SourceUrl:
    """Parse an absolute URL; errors that a browser would correct are refused.

    Raises:
        ValueError: the error, as the end of a sentence that begins with the URL.
    """
    if len(text) > MAX_URL:
        raise ValueError(f"may have {MAX_URL:,} characters")
    if UNSAFE.search(text):
        raise ValueError("must not contain spaces, control characters or backslashes")
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise ValueError("is not a valid URL") from error
    if parts.scheme not in DEFAULT_PORTS or not text[len(parts.scheme) :].startswith("://"):
        raise ValueError("must begin with http:// or https://")
    if "@" in parts.netloc:
        raise ValueError("must not contain a user name or password")
    if "#" in text:
        raise ValueError("must not have a fragment")
    authority = AUTHORITY.fullmatch(parts.netloc)
    if authority is None:
        raise ValueError("must have a host, and after it a port or nothing")
    host = _host(authority[1])
    port = int(authority[2] or DEFAULT_PORTS[parts.scheme])
    if port not in ports:
        raise ValueError(_ports_named(ports))
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        return SourceUrl(parts.scheme, host, port, quote(target, safe=TARGET_SAFE))
    except UnicodeEncodeError as error:
        raise ValueError("is not a valid URL") from error


def _ports_named(ports: frozenset[int] | range) -> str:
    if isinstance(ports, range):
        return f"must have a port from {ports[0]} to {ports[-1]}"
    return f"must have one of these ports: {', '.join(str(port) for port in sorted(ports))}"


def _host(host: str) -> str:
    """The canonical host: an address without brackets, or a name in lower case.

    Raises:
        ValueError: it is neither a name in ASCII nor an address in its usual form.
    """
    if host.startswith("["):
        return _ipv6(host[1:-1])
    if not host:
        raise ValueError("must name a host")
    if not host.isascii():
        raise ValueError("must have its host in ASCII, such as xn--mnchen-3ya.de")
    labels = host.split(".")
    if len(host) > MAX_HOST or not all(LABEL.fullmatch(label) for label in labels):
        raise ValueError("must have a host name of letters, digits, - and dots between them")
    if NUMBER.fullmatch(labels[-1]):  # other forms of an address could bypass the check
        return _ipv4(host)
    return host.lower()


def _ipv4(host: str) -> str:
    try:
        return str(IPv4Address(host))
    except ValueError as error:
        raise ValueError("must have an IPv4 address as four decimal numbers") from error


def _ipv6(host: str) -> str:
    try:
        address = IPv6Address(host)
    except ValueError as error:
        raise ValueError("must have a valid IPv6 address between its brackets") from error
    if address.scope_id is not None:
        raise ValueError("must not have a zone after its IPv6 address")
    # One form for all versions of Python (RFC 5952, section 5): `str` has had it since 3.13.
    mapped = address.ipv4_mapped
    return str(address) if mapped is None else f"::ffff:{mapped}"
