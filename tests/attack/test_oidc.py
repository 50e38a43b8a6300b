"""Log-in at an identity provider, and attacks on it; the provider is a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx2
import pytest

from tests import commands
from tests.accounts import Account, admin_of, client_of
from tests.conftest import MakeServer
from tests.http.asking import assert_problem
from tests.identity_provider import ANSWERS, CLAIMS, CLIENT, SECRET, running_provider
from tests.server import Server, request_once
from tests.sessions import ONE, cookie_of

START, CALLBACK = "/auth/oidc/start", "/auth/oidc/callback"
HARMLESS = {"claims of the admin"}
HTML = {"accept": "text/html,*/*;q=0.8"}


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """The URL of the provider."""
    with running_provider() as url:
        yield url


@pytest.fixture(scope="module")
def server(issuer: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server where browsers log in at the provider."""
    place = tmp_path_factory.mktemp("oidc")
    secret = place / "secret"
    secret.write_text(f"{SECRET}\n")
    shared = Server(
        place / "data", auth="required", rate_limits="off", oidc_issuer=issuer,
        oidc_client_id=CLIENT, oidc_client_secret_file=secret,
    )  # fmt: skip
    shared.settings["public_url"] = f"http://127.0.0.1:{shared.port}"
    yield shared.start()
    shared.close()


@pytest.fixture(scope="module")
def admin(server: Server) -> Account:
    """The admin of the server."""
    return admin_of(server)


def begin(browser: httpx2.Client, **query: str) -> str:
    """Begin a log-in; returns the URL at the provider."""
    answer = browser.get(START, params=query)
    assert answer.status_code == 303, answer.text
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    return answer.headers["location"]


def at_provider(url: str, **query: str) -> str:
    """Log in at the provider; returns the URL to which it sends the browser back."""
    answer = request_once("GET", f"{url}&{urlencode(query)}")
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


def log_in(browser: httpx2.Client, **query: str) -> httpx2.Response:
    """The response to a browser that comes back."""
    return browser.get(at_provider(begin(browser), **query))


def changed(url: str, **query: str | None) -> str:
    """The URL with other parameters; None removes one."""
    parts = urlsplit(url)
    values = {**dict(parse_qsl(parts.query)), **query}
    kept = {name: value for name, value in values.items() if value is not None}
    return parts._replace(query=urlencode(kept)).geturl()


def assert_refused(answer: httpx2.Response) -> None:
    """The log-in was refused, and the browser has no session."""
    assert_problem(answer, 403, "forbidden")
    assert "imagesvc=" not in answer.headers.get("set-cookie", "")


def test_too_many_log_ins_are_a_page(make_server: MakeServer) -> None:
    """A browser is shown when to try again, and a program gets a problem document."""
    place = make_server(auth="required", rate_limit_anonymous="2/h")
    html = client_of(place)
    html.headers.update(HTML)
    for _ in range(3):
        html.get(START)

    for method, path in (("GET", START), ("GET", CALLBACK), ("POST", "/logout")):
        shown = html.request(method, path)
        assert (shown.status_code, shown.headers["content-type"]) == (
            429, "text/html; charset=utf-8",
        )  # fmt: skip
        assert "Too many requests" in shown.text
        assert int(shown.headers["retry-after"]) > 0
        assert shown.headers["ratelimit-remaining"] == "0"
    assert_problem(place.client.get(START), 429, "rate_limited")
    assert_problem(html.get("/api/v1/shared/none"), 429, "rate_limited")


def test_a_subject_logs_in_as_one_user(server: Server) -> None:
    """The browser comes to the page from which it was sent, with a session."""
    browser, other = client_of(server), client_of(server)
    back = at_provider(begin(browser, next="/collections?a=b"), sub="alice")

    answer = browser.get(back)

    assert answer.status_code == 303
    assert answer.headers["location"] == f"http://127.0.0.1:{server.port}/collections?a=b"
    assert set(browser.cookies) == {"imagesvc"}
    shown = browser.get(ONE).json()
    assert shown["user"]["name"] == "127.0.0.1:alice"
    assert shown["user"]["has_password"] is False
    assert shown["scopes"] == ["read", "upload", "manage"]
    assert log_in(other, sub="alice").status_code == 303
    assert other.get(ONE).json()["user"]["id"] == shown["user"]["id"]
    assert log_in(other, sub="bob").status_code == 303
    assert other.get(ONE).json()["user"]["id"] != shown["user"]["id"]


def test_the_provider_gets_what_binds_the_log_in(server: Server, issuer: str) -> None:
    """The redirect URI is that of public_url, whatever the request says."""
    evil = {"host": "evil.example", "x-forwarded-host": "evil.example"}
    browser = client_of(server)
    answer = browser.get(START, headers=evil)

    url = urlsplit(answer.headers["location"])
    query = {name: values for name, (values,) in parse_qs(url.query).items()}
    name, ticket, attributes = cookie_of(answer)
    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{issuer}/authorize"
    assert query["redirect_uri"] == f"http://127.0.0.1:{server.port}{CALLBACK}"
    assert query["code_challenge_method"] == "S256"
    assert {"HttpOnly", "SameSite=lax", "Path=/", "Max-Age=600"} == attributes
    assert name == "imagesvc-login"
    secret = ticket.split(".")[1]
    assert len({query["state"], query["nonce"], query["code_challenge"], secret}) == 4
    assert secret not in answer.headers["location"]
    again = parse_qs(urlsplit(begin(browser)).query)
    assert again["state"] != [query["state"]]


def test_a_log_in_ends_in_the_browser_where_it_began(server: Server) -> None:
    """The state is checked, so that no attacker logs a visitor in (CVE-2025-43856)."""
    attacker, visitor = client_of(server), client_of(server)
    back = at_provider(begin(attacker), sub="attacker")

    assert_refused(visitor.get(back))
    begin(visitor)
    assert_refused(visitor.get(back))
    own = at_provider(begin(visitor), sub="visitor")
    (state,) = parse_qs(urlsplit(own).query)["state"]
    assert_refused(visitor.get(changed(back, state=state)))  # the code of the attacker
    for wrong in (None, "", "x", state[:-1], state.lower(), "é" * 43):
        assert_refused(visitor.get(changed(own, state=wrong)))
    assert visitor.get(ONE).status_code == 401
    assert visitor.get(own).status_code == 303


@pytest.mark.parametrize(
    "change",
    [
        lambda ticket: f"{int(ticket.partition('.')[0]) + 1}.{ticket.partition('.')[2]}",
        lambda ticket: f"{ticket}L2V2aWw",
        lambda ticket: f"1.{ticket.partition('.')[2]}",
        lambda ticket: "",
        lambda ticket: "x",
        lambda ticket: f"{ticket}; imagesvc-login={ticket}",
    ],
    ids=["younger", "another page", "old", "empty", "no ticket", "two"],
)
def test_the_ticket_of_the_browser_cannot_be_changed(server: Server, change: object) -> None:
    """The state covers its time and its page."""
    assert callable(change)
    browser, clean = client_of(server), client_of(server)
    back = at_provider(begin(browser), sub="carol")
    ticket = browser.cookies["imagesvc-login"]

    assert_refused(clean.get(back, headers={"cookie": f"imagesvc-login={change(ticket)}"}))

    assert clean.get(back, headers={"cookie": f"imagesvc-login={ticket}"}).status_code == 303


def test_an_answer_is_used_once(server: Server) -> None:
    """The browser forgets the ticket; with a copy of it the provider refuses the code."""
    browser, thief = client_of(server), client_of(server)
    back = at_provider(begin(browser), sub="dora")
    ticket = browser.cookies["imagesvc-login"]
    assert browser.get(back).status_code == 303

    assert_refused(browser.get(back))
    assert_refused(thief.get(back, headers={"cookie": f"imagesvc-login={ticket}"}))


@pytest.mark.parametrize(
    "fault",
    [
        *sorted(CLAIMS.keys() - HARMLESS), *sorted(ANSWERS.keys() - {"large"}), "unsigned",
        "signed by the secret", "signed by another", "unknown key",
    ],
)  # fmt: skip
def test_a_wrong_identity_token_is_refused(server: Server, fault: str) -> None:
    """By OpenID Connect Core, section 3.1.3.7; no user and no session is made."""
    browser = client_of(server)

    assert_refused(log_in(browser, sub="eve", fault=fault))

    assert browser.get(ONE).status_code == 401
    users = admin_of(server).client.get("/api/v1/users", params={"limit": 200}).json()["data"]
    assert not [user for user in users if "eve" in user["name"]]


def test_a_large_answer_is_not_read(server: Server) -> None:
    """The provider is not available then."""
    browser = client_of(server)

    assert_problem(log_in(browser, fault="large"), 503, "overloaded")


def test_only_issuer_and_subject_identify_a_user(server: Server, admin: Account) -> None:
    """A subject named admin, with the address of the admin, is a new user."""
    browser = client_of(server)

    assert log_in(browser, sub="admin", fault="claims of the admin").status_code == 303

    shown = browser.get(ONE).json()
    assert shown["user"]["id"] != admin.id
    assert shown["user"]["name"].startswith("127.0.0.1:admin~")
    assert shown["user"]["is_admin"] is False
    assert shown["scopes"] == ["read", "upload", "manage"]


def test_the_answer_of_another_provider_is_refused(server: Server) -> None:
    """RFC 9207: the parameter `iss` is that of the provider, which always sends it."""
    browser = client_of(server)
    back = at_provider(begin(browser))

    for iss in (None, "https://evil.example", ""):
        assert_refused(browser.get(changed(back, iss=iss)))


def test_an_error_of_the_provider_is_shown_as_a_word(server: Server) -> None:
    """Nothing else of the query appears in the answer."""
    browser = client_of(server)
    back = at_provider(begin(browser))

    denied = browser.get(changed(back, code=None, error="access_denied"))
    strange = browser.get(changed(back, error="<script>", error_description="<b>"))

    assert_refused(denied)
    assert "access_denied" in denied.json()["detail"]
    assert_refused(strange)
    assert "<" not in strange.text


def test_a_refused_browser_is_shown_a_page(server: Server) -> None:
    """With the reason, a way back to the log-in, and nothing that the URL says."""
    browser = client_of(server)
    back = at_provider(begin(browser))

    for url in (changed(back, error="access_denied"), changed(back, error="<script>alert(1)")):
        answer = browser.get(url, headers=HTML)
        assert answer.status_code == 403
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert '/login">To the log-in<' in answer.text
        assert answer.headers["x-request-id"] in answer.text
        assert "<script>alert" not in answer.text
        assert "imagesvc=" not in answer.headers.get("set-cookie", "")
    assert "access_denied" in browser.get(changed(back, error="access_denied"), headers=HTML).text


def test_a_disabled_user_is_refused(server: Server, admin: Account) -> None:
    """Also at the provider's door; the session ends as well."""
    browser = client_of(server)
    log_in(browser, sub="frank")
    user_id = browser.get(ONE).json()["user"]["id"]
    admin.client.patch(f"/api/v1/users/{user_id}", json={"is_disabled": True}).raise_for_status()

    assert browser.get(ONE).status_code == 401
    assert_refused(log_in(browser, sub="frank"))


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "/a" * 2000, "/a\r\nb"]
)
def test_the_browser_stays_at_this_service(server: Server, target: str) -> None:
    """As after a log-in by password."""
    browser = client_of(server)
    back = at_provider(begin(browser, next=target), sub="grace")

    assert browser.get(back).headers["location"] == f"http://127.0.0.1:{server.port}/"


def test_no_secret_is_shown(server: Server) -> None:
    """Neither the secret of the client nor a code or ticket is in the log or the settings."""
    browser = client_of(server)
    back = at_provider(begin(browser), sub="heidi")
    ticket = browser.cookies["imagesvc-login"]
    browser.get(back)
    code = parse_qs(urlsplit(back).query)["code"][0]
    shown = commands.run(
        "config", auth="required", data_dir=server.data_dir, public_url="https://a.example",
        oidc_issuer="https://id.example", oidc_client_id="x", oidc_client_secret=SECRET,
    )  # fmt: skip

    assert shown.returncode == 0, shown.stderr
    assert "oidc_client_secret" in shown.stdout
    for secret in (SECRET, code, ticket.split(".")[1]):
        assert secret not in server.log() + shown.stdout + shown.stderr


@pytest.mark.parametrize("content", [None, "", " \n"], ids=repr)
def test_a_file_without_a_secret_stops_the_start(tmp_path: Path, content: str | None) -> None:
    """Before a data directory is made; the message names the file."""
    secret, place = tmp_path / "secret", tmp_path / "data"
    if content is not None:
        secret.write_text(content)

    done = commands.run(
        "serve", data_dir=place, public_url="https://a.example", oidc_client_id="x",
        oidc_issuer="https://id.example", oidc_client_secret_file=secret, port=1,
    )  # fmt: skip

    assert done.returncode == 2
    assert f"oidc_client_secret_file: {secret}" in done.stderr
    assert not place.exists()


def test_without_a_provider_there_is_no_such_log_in(guarded: Server) -> None:
    """Both URLs are 404."""
    for path in (START, CALLBACK):
        assert_problem(guarded.client.get(path), 404, "not_found")


def test_a_provider_that_is_down_is_not_our_error(make_server: MakeServer) -> None:
    """503; the password is another way in."""
    server = make_server(
        auth="required", public_url="https://photos.example", oidc_client_id="x",
        oidc_issuer="http://127.0.0.1:1",
    )  # fmt: skip

    answer = server.client.get(START)

    assert_problem(answer, 503, "overloaded")
    assert '"action":"oidc.unavailable"' in server.log()
    shown = server.client.get(START, params={"next": '/?q="><script>'}, headers=HTML)
    assert (shown.status_code, shown.headers["retry-after"]) == (503, answer.headers["retry-after"])
    assert '/login?next=/%3Fq%3D%22%3E%3Cscript%3E"' in shown.text
