"""The client that the fields of proxies name."""

from __future__ import annotations

import asyncio
from ipaddress import ip_network

import pytest
from starlette.types import Receive, Scope, Send

from imagesvc.server.middleware.forwarded import ForwardedMiddleware
from tests.breadth import represented
from tests.conftest import MakeServer

TRUSTED = [ip_network("10.0.0.0/8"), ip_network("::1/128")]


def corrected(peer: str, **fields: str) -> tuple[str, str, str]:
    """Client, scheme and host as the application sees them."""
    seen: list[Scope] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope)

    headers = [(b"host", b"inner:8000")]
    headers += [(name.replace("_", "-").encode(), text.encode()) for name, text in fields.items()]
    scope = {"type": "http", "client": (peer, 1), "scheme": "http", "headers": headers}

    async def never() -> dict[str, str]:
        raise AssertionError

    asyncio.run(ForwardedMiddleware(app, TRUSTED)(scope, never, never))  # type: ignore[arg-type]
    host = next(value for name, value in seen[0]["headers"] if name == b"host").decode()
    return seen[0]["client"][0], seen[0]["scheme"], host


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ("10.0.0.1", "http", "inner:8000")),
        ({"forwarded": "for=192.0.2.1"}, ("192.0.2.1", "http", "inner:8000")),
        (
            {"forwarded": 'for="[2001:db8::1]:4711";proto=https;host="a.example:8443"'},
            ("2001:db8::1", "https", "a.example:8443"),
        ),
        (
            {"forwarded": "for=1.2.3.4, for=192.0.2.1, for=10.9.9.9"},
            ("192.0.2.1", "http", "inner:8000"),
        ),
        ({"forwarded": "for=unknown;proto=https"}, ("10.0.0.1", "https", "inner:8000")),
        ({"forwarded": "for=1.2.3.4;proto=gopher;host=a/b"}, ("1.2.3.4", "http", "inner:8000")),
        (
            {"x_forwarded_for": "6.6.6.6, 192.0.2.1, 10.1.1.1", "x_forwarded_proto": "https"},
            ("192.0.2.1", "https", "inner:8000"),
        ),
        (
            {"x_forwarded_for": "192.0.2.1:99", "x_forwarded_host": "img.example"},
            ("192.0.2.1", "http", "img.example"),
        ),
        (
            {"forwarded": "for=1.2.3.4", "x_forwarded_for": "6.6.6.6"},
            ("1.2.3.4", "http", "inner:8000"),
        ),
        ({"forwarded": ";;=,,\x7f"}, ("10.0.0.1", "http", "inner:8000")),
    ],
)
def test_a_trusted_peer_names_the_first_client_that_is_not_a_trusted_proxy(
    fields: dict[str, str], expected: tuple[str, str, str]
) -> None:
    """Values further left come from untrusted clients."""
    assert corrected("10.0.0.1", **fields) == expected


def test_an_untrusted_peer_is_ignored() -> None:
    """A client outside the trusted networks is the client itself."""
    fields = {"forwarded": "for=1.2.3.4;proto=https;host=a.example"}

    assert corrected("192.0.2.77", **fields) == ("192.0.2.77", "http", "inner:8000")


TOLD = ('["10.0.0.0/8"]', {"x-forwarded-for": "192.0.2.1"}, True)
NOT_TOLD = ('["127.0.0.0/8"]', {"x-forwarded-proto": "https"}, False)


@pytest.mark.parametrize(
    ("trusted", "fields", "is_told"),
    represented(
        [
            TOLD,
            NOT_TOLD,
            ("[]", {"x-forwarded-prefix": "/media"}, True),
            ("[]", {"forwarded": "for=192.0.2.1"}, True),
            ("[]", {"x-forwarded-user": "ada"}, False),
        ],
        TOLD,
        NOT_TOLD,
    ),
)
def test_fields_of_an_untrusted_proxy_are_logged_once(
    make_server: MakeServer, trusted: str, fields: dict[str, str], *, is_told: bool
) -> None:
    """Without the warning, a forgotten `trusted_proxies` only caused a 404 elsewhere."""
    server = make_server(auth="required", workers=1, trusted_proxies=trusted)

    for _ in range(3):
        server.client.get("/healthz", headers=fields)
    server.close()

    told = [line for line in server.log().splitlines() if "forwarded.ignored" in line]
    assert len(told) == is_told
    assert all("127.0.0.1" in line and "trusted_proxies" in line for line in told)
