"""The head of an HTTP/1.1 request: checks of target and Host by RFC 9112, without upgrades."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from functools import lru_cache

import httptools

from imagesvc.errors import InvalidRequest

Fields = list[tuple[bytes, bytes]]

_HOST = re.compile(
    rb"(?:[\w.~!$&'()*+,;=-]|%[0-9A-Fa-f]{2}){0,253}(?::\d{0,5})?"
    rb"|\[[0-9A-Fa-f:.]{2,45}\](?::\d{0,5})?"
)
MAX_HOST_BYTES = 253 + len(":65535")
_VERSIONS = frozenset({"1.0", "1.1"})
_SINGLETONS = frozenset({
    b"authorization", b"content-type", b"host", b"idempotency-key", b"last-event-id", b"x-api-key",
})  # fmt: skip
"""Fields that may appear once, of which routes read one value.

Fields for negotiation and conditions are joined (`header_fields`)."""
MAX_PARAMETERS = 1_000
"""The limit of a query, which is parsed on the event loop."""
_OFFERS = frozenset({b"upgrade", b"http2-settings"})


def check_head(
    method: bytes, http_version: str, lines: Fields, fields: Mapping[bytes, bytes]
) -> None:
    """Refuse requests that the parser accepts and this server does not support.

    Args:
        method: of the request.
        http_version: of the request.
        lines: its fields as they were sent.
        fields: the same by name.

    Raises:
        InvalidRequest: a method, version, transfer coding or Host that is not supported, or a
            repeated singleton field.
    """
    if method == b"CONNECT":
        raise InvalidRequest("CONNECT is for proxies, and this server is not a proxy.")
    if http_version not in _VERSIONS:
        raise InvalidRequest("This server speaks HTTP/1.0 and HTTP/1.1.")
    if len(fields) != len(lines):
        _check_repeated(lines)
    coding = fields.get(b"transfer-encoding")
    if coding is not None and (http_version == "1.0" or coding.lower() != b"chunked"):
        raise InvalidRequest("The only transfer coding is chunked, which HTTP/1.0 does not have.")
    host = fields.get(b"host")
    if host is None:
        if http_version != "1.0":
            raise InvalidRequest("The request has no Host field.")
    elif len(host) > MAX_HOST_BYTES or not _is_host(host):
        raise InvalidRequest("The Host field has no valid host.")


@lru_cache(maxsize=256)
def _is_host(value: bytes) -> bool:
    return _HOST.fullmatch(value) is not None


def declares_body(names: Container[bytes]) -> bool:
    """Whether a request with fields of these names declares a body."""
    return b"content-length" in names or b"transfer-encoding" in names


def _check_repeated(lines: Fields) -> None:
    """Refuse singleton fields that are repeated, among them Host (RFC 9112, section 3.2)."""
    once = set()
    for name, _value in lines:
        if name in once:
            raise InvalidRequest(f"The request has more than one {_canonical_name(name)} field.")
        if name in _SINGLETONS:
            once.add(name)


def _canonical_name(name: bytes) -> str:
    """The name of a field as RFCs write it; the parser gives it in lower case."""
    return name.decode("ascii").title().replace("-Id", "-ID")


def check_query(target: bytes) -> None:
    """Refuse a query of very many parameters.

    Raises:
        InvalidRequest: it has more than `MAX_PARAMETERS`.
    """
    if target.count(b"&") >= MAX_PARAMETERS:
        raise InvalidRequest(f"A URL may have {MAX_PARAMETERS:,} parameters.")


def to_origin_form(target: bytes, fields: Fields) -> bytes:
    """Path and query of a target; the host of an absolute one replaces the Host field.

    RFC 9112, section 3.2.2: an absolute target overrides the Host field.

    Raises:
        InvalidRequest: the target is neither a path nor an http or https URL.
    """
    if target.startswith(b"/") or target == b"*":
        return target
    try:
        url = httptools.parse_url(target)
    except httptools.HttpParserInvalidURLError:
        raise InvalidRequest("The request target is not a valid URL.") from None
    if (url.schema or b"").lower() not in {b"http", b"https"} or not url.host or url.userinfo:
        raise InvalidRequest("The request target is neither a path nor an HTTP URL.")
    # The original authority: the parser drops the brackets of an IPv6 address.
    authority = re.split(rb"[/?#]", target.partition(b"://")[2], maxsplit=1)[0]
    fields[:] = [(b"host", authority), *(item for item in fields if item[0] != b"host")]
    return (url.path or b"/") + (b"" if url.query is None else b"?" + url.query)


def without_offers(method: bytes, target: bytes, http_version: str, fields: Fields) -> bytes:
    """The head of a request without its offered upgrades."""
    kept = (b"%b: %b\r\n" % item for item in fields if item[0] not in _OFFERS)
    request_line = b"%b %b HTTP/%b\r\n" % (method, target, http_version.encode("ascii"))
    return b"".join([request_line, *kept, b"\r\n"])
