"""Attacks on the sessions of browsers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.accounts import PASSWORD, Account, admin_of, client_of, make_key, make_user
from tests.accounts import log_in as tokens_of
from tests.http.asking import assert_problem, picture
from tests.limited import at, limited_server
from tests.server import Server
from tests.sessions import EVERY, ONE, browser_of, cookie_of, log_in, with_cookie

FOREIGN = [
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "cross-site", "origin": "OWN"},
    {"sec-fetch-site": "same-origin, none"},
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "SCHEME"},
    {"origin": "PORT"},
    {"origin": "OWN.evil.example"},
]
OWN = [{"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}, {"origin": "OWN"}, {}]
TRIES = 3
NEIGHBOUR = "https://app.photos.example"
ADDRESSES = itertools.count(1)


@pytest.fixture(scope="module")
def ada(guarded: Server, admin: Account) -> Account:
    """A user with a password."""
    return make_user(guarded, admin, "ada", password=PASSWORD)


@pytest.fixture(scope="module")
def browser(guarded: Server, ada: Account) -> httpx2.Client:
    """A browser in which Ada has logged in."""
    return browser_of(guarded, "ada")


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server behind a proxy that names client, scheme, host and path."""
    with limited_server(
        tmp_path_factory.mktemp("proxied") / "data",
        rate_limit_login=f"1/h burst {TRIES}",
        cors_origins=f'["{NEIGHBOUR}"]',
    ) as shared:
        make_user(shared, admin_of(shared), "ada", password=PASSWORD)
        yield shared


def sent_by(server: Server, fields: dict[str, str]) -> dict[str, str]:
    """The fields with the origins of a server in the places of names."""
    port = server.client.base_url.port
    names = {
        "OWN": f"http://127.0.0.1:{port}",
        "SCHEME": f"https://127.0.0.1:{port}",
        "PORT": f"http://127.0.0.1:{port + 1 if port else 1}",
    }
    return {
        field: names.get(value, value.replace("OWN", names["OWN"]))
        for field, value in fields.items()
    }


def of_proxy(**fields: str) -> dict[str, str]:
    """The fields of a trusted proxy: `host`, `proto`, `prefix`, for a new client."""
    return at(f"192.0.2.{next(ADDRESSES)}") | {
        f"x-forwarded-{name}": value for name, value in fields.items()
    }


@pytest.mark.parametrize("fields", FOREIGN, ids=str)
def test_pages_of_other_origins_change_nothing(
    guarded: Server, browser: httpx2.Client, fields: dict[str, str]
) -> None:
    """Also those of a neighbouring host, whose requests have the cookie (CVE-2024-48311)."""
    headers = sent_by(guarded, fields)
    session_id = browser.get(ONE).json()["session"]["id"]
    requests: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/api/v1/images", {"files": {"file": ("a.jpg", picture(3))}}),
        ("POST", "/api/v1/collections", {"json": {"title": "x"}}),
        ("DELETE", f"{EVERY}/{session_id}", {}),
        ("DELETE", ONE, {}),
        ("GET", "/api/v1/images/actions/upload-url", {}),
    ]

    for method, path, sent in requests:
        answer = browser.request(method, path, headers=headers, **sent)
        assert_problem(answer, 403, "forbidden")

    assert browser.get(ONE, headers=headers).status_code == 200


@pytest.mark.parametrize("fields", OWN, ids=str)
def test_own_pages_and_programs_may_change_data(
    guarded: Server, browser: httpx2.Client, fields: dict[str, str]
) -> None:
    """A request without any of the fields is from a program that keeps cookies."""
    headers = sent_by(guarded, fields)
    answer = browser.post("/api/v1/collections", json={"title": "x"}, headers=headers)

    assert answer.status_code == 201, answer.text
    url = browser.get("/api/v1/images/actions/upload-url", headers=headers)
    assert url.status_code == 200, url.text


@pytest.mark.parametrize("fields", FOREIGN, ids=str)
def test_pages_of_other_origins_cannot_log_in(
    guarded: Server, ada: Account, fields: dict[str, str]
) -> None:
    """Otherwise a visitor would upload to the account of the attacker."""
    client = client_of(guarded)
    body = {"name": "ada", "password": PASSWORD}

    answer = client.post(ONE, json=body, headers=sent_by(guarded, fields))

    assert_problem(answer, 403, "forbidden")
    assert "set-cookie" not in answer.headers


def test_a_key_needs_no_origin(guarded: Server, browser: httpx2.Client, ada: Account) -> None:
    """No page can send a credential that it does not know, and the cookie beside it is ignored."""
    token = browser.cookies["imagesvc"]
    foreign = {"origin": "https://evil.example", **with_cookie(token)}
    for credential in ({"x-api-key": ada.key}, {"authorization": f"Bearer {ada.key}"}):
        answer = client_of(guarded).post(
            "/api/v1/collections", json={"title": "x"}, headers={**foreign, **credential}
        )
        assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(
    "field", [{"authorization": "Bearer x"}, {"authorization": "Basic x"}, {"x-api-key": "x"}],
    ids=str,
)  # fmt: skip
def test_a_cookie_beside_another_credential_is_ignored(
    browser: httpx2.Client, field: dict[str, str]
) -> None:
    """An invalid key is refused, whatever the cookie says."""
    assert_problem(browser.get(ONE, headers=field), 401, "unauthorized")


def test_the_rights_are_those_of_the_key_beside_a_cookie(
    guarded: Server, admin: Account, browser: httpx2.Client, ada: Account
) -> None:
    """A key that may only read does not get the scopes of a session."""
    key, _ = make_key(guarded, admin, ada.id, ["read"])
    headers = {"x-api-key": key}

    assert browser.get(ONE, headers=headers).json()["scopes"] == ["read"]
    answer = browser.post("/api/v1/collections", json={"title": "x"}, headers=headers)
    assert_problem(answer, 403, "forbidden")


def test_no_key_opens_a_session(guarded: Server, admin: Account, ada: Account) -> None:
    """A key or token that may only read cannot raise its own scopes (CVE-2026-23896)."""
    key, client = make_key(guarded, admin, ada.id, ["read"])
    token = tokens_of(guarded, "ada", scope="read")["access_token"]

    for credential in (key, token):
        bearer = client_of(guarded, credential)
        assert_problem(bearer.post(ONE, json={}), 400, "invalid_request")
        refused = bearer.post(ONE, json={"name": "ada", "password": credential})
        assert_problem(refused, 401, "unauthorized")
        assert "set-cookie" not in refused.headers
    session_id = browser_of(guarded, "ada").get(ONE).json()["session"]["id"]
    assert_problem(client.delete(f"{EVERY}/{session_id}"), 403, "forbidden")


def test_a_log_in_replaces_the_token_that_the_browser_had(guarded: Server, ada: Account) -> None:
    """An attacker who has set or read a cookie before has no session after the log-in."""
    fixed = "A" * 43
    chosen = client_of(guarded)
    answer = chosen.post(
        ONE, json={"name": "ada", "password": PASSWORD}, headers=with_cookie(fixed)
    )
    first = cookie_of(answer)[1]
    second = cookie_of(log_in(chosen, "ada"))[1]

    assert len({fixed, first, second}) == 3
    stranger = client_of(guarded)
    for token, status in ((fixed, 401), (first, 401), (second, 200)):
        assert stranger.get(ONE, headers=with_cookie(token)).status_code == status


def test_two_cookies_of_one_name_are_none(guarded: Server, browser: httpx2.Client) -> None:
    """A neighbouring host can add a cookie of its own, before or behind that of the service."""
    token = browser.cookies["imagesvc"]
    client = client_of(guarded)
    other = "B" * 43

    for field in (
        f"imagesvc={token}; imagesvc={other}",
        f"imagesvc={other}; imagesvc={token}",
        f"imagesvc={token}; imagesvc={token}",
        f"imagesvc={token};imagesvc=",
    ):
        assert_problem(client.get(ONE, headers={"cookie": field}), 401, "unauthorized")
    lines = [("cookie", f"imagesvc={token}"), ("cookie", f"imagesvc={other}")]
    assert_problem(client.get(ONE, headers=lines), 401, "unauthorized")
    fine = f"other=1; imagesvc={token}; imagesvc_language=de"
    assert client.get(ONE, headers={"cookie": fine}).status_code == 200


@pytest.mark.parametrize(
    "value",
    ["", "x", "A" * 42, "A" * 44, "A" * 43, "é" * 43, '"' + "A" * 43 + '"', "A" * 5000, "%00" * 9],
    ids=repr,
)
def test_an_invented_token_is_refused(guarded: Server, value: str) -> None:
    """Like no token."""
    headers = {b"cookie": b"imagesvc=" + value.encode("latin-1")}

    assert_problem(client_of(guarded).get(ONE, headers=headers), 401, "unauthorized")


@pytest.mark.parametrize(
    ("fields", "name", "path"),
    [
        ({"proto": "https", "host": "photos.example"}, "__Host-imagesvc", "/"),
        ({"proto": "https"}, "__Host-imagesvc", "/"),
        ({"proto": "https", "prefix": "/photos"}, "__Secure-imagesvc", "/photos"),
        ({"proto": "http", "prefix": "/photos"}, "imagesvc", "/photos"),
        ({}, "imagesvc", "/"),
    ],
)
def test_the_cookie_has_the_strictest_name_and_path(
    proxied: Server, fields: dict[str, str], name: str, path: str
) -> None:
    """The prefix keeps pages of neighbouring hosts and of HTTP from setting it."""
    client, headers = client_of(proxied), of_proxy(**fields)

    set_name, token, attributes = cookie_of(log_in(client, "ada", headers=headers))

    is_secure = {"Secure"} if fields.get("proto") == "https" else set()
    assert set_name == name
    assert attributes == {
        "HttpOnly", "Max-Age=7776000", "SameSite=lax", f"Path={path}", *is_secure
    }  # fmt: skip
    for given in ("imagesvc", "__Secure-imagesvc", "__Host-imagesvc"):
        answer = client_of(proxied).get(ONE, headers={**headers, **with_cookie(token, given)})
        assert answer.status_code == (200 if given == name else 401), given
    out = client_of(proxied).delete(ONE, headers={**headers, **with_cookie(token, name)})
    removed_name, value, removed = cookie_of(out)
    assert (removed_name, value.strip('"')) == (name, "")
    assert removed >= {"Max-Age=0", f"Path={path}", *is_secure}


def test_the_origin_is_that_of_the_proxy(proxied: Server) -> None:
    """The scheme and host are those that the trusted proxy names."""
    headers = of_proxy(proto="https", host="photos.example")
    token = cookie_of(log_in(client_of(proxied), "ada", headers=headers))[1]
    headers |= with_cookie(token, "__Host-imagesvc")

    for origin, status in (
        ("https://photos.example", 201),
        ("https://PHOTOS.example", 201),
        ("http://photos.example", 403),
        ("https://photos.example:8443", 403),
        (str(proxied.client.base_url).rstrip("/"), 403),
    ):
        answer = client_of(proxied).post(
            "/api/v1/collections", json={"title": "x"}, headers={**headers, "origin": origin}
        )
        assert answer.status_code == status, origin


def test_a_page_of_cors_origins_has_no_session(proxied: Server) -> None:
    """It sends a key: its requests have the cookie, since it is of the same site, to no effect."""
    headers = of_proxy(proto="https", host="photos.example")
    token = cookie_of(log_in(client_of(proxied), "ada", headers=headers))[1]
    headers |= {**with_cookie(token, "__Host-imagesvc"), "origin": NEIGHBOUR}

    def post(**fields: str) -> httpx2.Response:
        body = {"title": "x"}
        return client_of(proxied).post(
            "/api/v1/collections", json=body, headers={**headers, **fields}
        )

    for answer in (post(), post(**{"sec-fetch-site": "same-site"})):
        assert_problem(answer, 403, "forbidden")
        assert "access-control-allow-credentials" not in answer.headers
    key = admin_of(proxied).key
    assert post(**{"x-api-key": key, "sec-fetch-site": "same-site"}).status_code == 201


def test_attempts_to_log_in_are_limited(proxied: Server) -> None:
    """As those for tokens, and together with them; the answer says how long to wait."""
    address = at("198.51.100.77")

    def attempt(password: str = "wrong") -> httpx2.Response:
        body = {"name": "ada", "password": password}
        return client_of(proxied).post(ONE, json=body, headers=address)

    form = {"username": "ada", "password": "wrong"}
    first = proxied.client.post("/api/v1/auth/token", data=form, headers=address)
    others = [attempt() for _ in range(TRIES - 1)]
    last = attempt(PASSWORD)

    assert [answer.status_code for answer in (first, *others)] == [401] * TRIES
    assert_problem(last, 429, "rate_limited")
    assert int(last.headers["retry-after"]) > 0
    assert "set-cookie" not in last.headers


def test_tokens_are_stored_as_hashes_and_not_logged(
    guarded: Server, browser: httpx2.Client
) -> None:
    """Neither the database nor the log has what a browser sends."""
    token = browser.cookies["imagesvc"]
    browser.get(ONE)
    files = [path for path in guarded.data_dir.glob("imagesvc.db*") if path.is_file()]

    assert files
    assert not any(token.encode() in path.read_bytes() for path in files)
    assert token not in guarded.log()
    assert PASSWORD not in guarded.log()
