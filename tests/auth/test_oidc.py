"""The log-in at an identity provider: its document, and what is sent to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from imagesvc.auth.provider.browser_tickets import LIFETIME_SECONDS, Ticket
from imagesvc.auth.provider.code_flow import CodeFlow, OidcClient, Returned
from imagesvc.auth.provider.discovery import FRESH_SECONDS, RETRY_SECONDS, Discovery
from imagesvc.auth.provider.subjects import Subjects
from imagesvc.errors import Forbidden, SourceUnavailable, Unavailable
from imagesvc.store.accounts import UserStore
from imagesvc.store.db.database import Database

ISSUER = "https://id.example/realm"
DOCUMENT = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize?a=b",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/keys",
}
BEGAN = 1_800_000_000.0

pytestmark = pytest.mark.anyio


class Net:
    """The provider's side: its document, the forms that it got, and a clock."""

    def __init__(self, **changed: Any) -> None:
        self.document: object = {**DOCUMENT, **changed}
        self.fetched: list[str] = []
        self.forms: list[tuple[Mapping[str, str], dict[str, list[str]]]] = []
        self.is_down = False
        self.now = BEGAN

    def clock(self) -> float:
        """The time that the test sets."""
        return self.now

    async def fetch(self, url: str, accept: str, max_bytes: int) -> bytes:
        """The document, from its place."""
        self.fetched.append(url)
        if self.is_down:
            raise SourceUnavailable("The provider id.example cannot be reached.")
        return json.dumps(self.document).encode()

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, max_bytes: int
    ) -> tuple[int, bytes]:
        """Keep the form, and refuse the code."""
        assert url == f"{ISSUER}/token"
        self.forms.append((headers, parse_qs(body.decode())))
        return 400, b'{"error": "invalid_grant"}'

    def discovery(self) -> Discovery:
        """What reads the document."""
        return Discovery(ISSUER, self.fetch, self.clock)

    def flow(self, database: Database, secret: str | None = "s:e c") -> CodeFlow:
        """The log-in."""
        return CodeFlow(
            OidcClient("photos", secret, "https://photos.example/auth/oidc/callback"),
            self.discovery(), Subjects(ISSUER, UserStore(database)), b"k" * 32, self.post,
            self.clock,
        )  # fmt: skip


async def test_the_document_is_fetched_once_an_hour() -> None:
    """The known endpoints stay in use while the provider is down; its keys are kept."""
    net = Net()
    discovery = net.discovery()
    first = await discovery.endpoints()
    net.now += FRESH_SECONDS - 1
    assert await discovery.endpoints() is first
    assert net.fetched == [f"{ISSUER}/.well-known/openid-configuration"]

    net.now += 1
    net.is_down = True
    assert await discovery.endpoints() is first
    assert await discovery.endpoints() is first
    assert len(net.fetched) == 2
    net.is_down = False
    net.now += RETRY_SECONDS
    second = await discovery.endpoints()

    assert second is not first
    assert second.keys is first.keys
    assert len(net.fetched) == 3


@pytest.mark.parametrize(
    "changed",
    [
        {"issuer": f"{ISSUER}/"},
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://id.example/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "https://id.example/#a"},
        {"authorization_endpoint": "https://id.example/\r\nSet-Cookie: a=b"},
        {"jwks_uri": None},
        {"jwks_uri": "/etc/passwd"},
        {"token_endpoint": ["https://id.example/token"]},
    ],
    ids=str,
)
async def test_a_wrong_document_is_not_used(changed: dict[str, Any]) -> None:
    """That of another issuer, and endpoints to which no secret may be sent."""
    with pytest.raises(Unavailable):
        await Net(**changed).discovery().endpoints()


@pytest.mark.parametrize("document", [[], "x", None, 7], ids=repr)
async def test_a_document_that_is_none_is_not_used(document: object) -> None:
    """It is JSON, but no object."""
    net = Net()
    net.document = document

    with pytest.raises(Unavailable):
        await net.discovery().endpoints()


@pytest.mark.parametrize(
    ("methods", "secret", "authorization", "in_body"),
    [
        (None, "s:e c", "Basic cGhvdG9zOnMlM0FlK2M=", None),
        (
            ["client_secret_post", "client_secret_basic"],
            "s:e c",
            "Basic cGhvdG9zOnMlM0FlK2M=",
            None,
        ),
        (["client_secret_post"], "s:e c", None, ["s:e c"]),
        (["none"], None, None, None),
    ],
    ids=["default", "both", "body", "public client"],
)
async def test_the_secret_is_sent_as_the_provider_wants_it(
    database: Database,
    methods: list[str] | None,
    secret: str | None,
    authorization: str | None,
    in_body: list[str] | None,
) -> None:
    """By RFC 6749, section 2.3.1; the code verifier is sent in each case."""
    net = Net(**({} if methods is None else {"token_endpoint_auth_methods_supported": methods}))
    flow = net.flow(database, secret)
    url, ticket = await flow.start("/")
    (state,) = parse_qs(urlsplit(url).query)["state"]

    with pytest.raises(Forbidden, match="did not confirm"):
        await flow.finish(ticket.text, Returned("the code", state, None, None))

    ((headers, form),) = net.forms
    assert headers.get("Authorization") == authorization
    assert form.get("client_secret") == in_body
    assert form["code"] == ["the code"]
    assert form["client_id"] == ["photos"]
    assert len(form["code_verifier"][0]) == 43
    assert form["code_verifier"][0] not in url
    assert url.startswith(f"{ISSUER}/authorize?a=b&response_type=code&")


async def test_a_log_in_must_end_within_ten_minutes(database: Database) -> None:
    """Also where the browser keeps the ticket for longer; no request is made for an old one."""
    net = Net()
    flow = net.flow(database)
    url, ticket = await flow.start("/")
    (state,) = parse_qs(urlsplit(url).query)["state"]
    returned = Returned("code", state, None, None)

    for later in (LIFETIME_SECONDS, -1):
        net.now = BEGAN + later
        with pytest.raises(Forbidden, match="too long ago"):
            await flow.finish(ticket.text, returned)
    assert net.forms == []
    net.now = BEGAN + LIFETIME_SECONDS - 1
    with pytest.raises(Forbidden, match="did not confirm"):
        await flow.finish(ticket.text, returned)


@pytest.mark.parametrize(
    ("target", "kept"),
    [("/a?b=\u00e9", True), ("/" + "\U0001f41f" * 300, True), ("/" + "\U0001f41f" * 900, False)],
    ids=["short", "long", "too long"],
)
async def test_a_ticket_fits_into_a_cookie(target: str, kept: bool) -> None:
    """Browsers drop a cookie of more than 4,096 bytes, and the log-in would fail."""
    ticket = Ticket.new(0, target)

    assert Ticket.read(ticket.text) == ticket
    assert ticket.target == (target if kept else "/")
    assert len(ticket.text) < 3000


async def test_a_ticket_of_another_service_is_refused(database: Database) -> None:
    """The state is made with a key of this service."""
    net = Net()
    other = net.flow(database)
    url, ticket = await other.start("/")
    (state,) = parse_qs(urlsplit(url).query)["state"]
    own = CodeFlow(other.client, other.discovery, other.subjects, b"other" * 8, net.post, net.clock)

    with pytest.raises(Forbidden, match="did not begin in this browser"):
        await own.finish(ticket.text, Returned("code", state, None, None))
