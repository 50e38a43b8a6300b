"""Attacks on the set-up, in which the first admin chooses a password by a printed link."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests import commands
from tests.accounts import PASSWORD, admin_of, client_of, make_user
from tests.conftest import MakeServer
from tests.http.asking import assert_problem
from tests.server import Server
from tests.sessions import ONE, cookie_of, log_in

SETUP = "/api/v1/setup"
RACERS = 6


def printed_links(server: Server) -> list[tuple[str, str]]:
    """URL and token of the links that the server has printed over all its starts."""
    return re.findall(r"^    (\S+)/setup#(\S+)$", server.log(), re.MULTILINE)


def set_up(
    server: Server, token: str, name: str = "ada", password: str = PASSWORD, **fields: str
) -> httpx2.Response:
    """Send the form of the page, from a new browser."""
    body = {"token": token, "name": name, "password": password}
    return client_of(server).post(SETUP, json=body, headers=fields)


def test_the_printed_link_makes_one_admin_once(make_server: MakeServer) -> None:
    """The name and the password are those of the admin whose key was printed."""
    server = make_server(auth=None)
    ((url, token),) = printed_links(server)
    admin = admin_of(server)

    done = set_up(server, token)

    assert url == str(server.client.base_url).rstrip("/")
    assert done.status_code == 200, done.text
    assert done.json()["user"] | {"created_at": ""} == {
        "id": admin.id, "name": "ada", "is_admin": True, "is_disabled": False,
        "has_password": True, "image_count": 0, "image_bytes": 0, "quota_images": None,
        "quota_bytes": None, "created_at": "",
    }  # fmt: skip
    cookie = cookie_of(done)[1]
    assert server.client.get(ONE, headers={"cookie": f"imagesvc={cookie}"}).status_code == 200
    assert_problem(set_up(server, token, "eve"), 403, "setup_closed")
    assert admin.client.get("/api/v1/users/me").json()["name"] == "ada"
    log_in(client_of(server), "ada")

    files = [path for path in server.data_dir.glob("imagesvc.db*") if path.is_file()]
    assert not any(token.encode() in path.read_bytes() for path in files)
    assert server.log().count(token) == 1
    refused = server.cli("setup-link")
    assert refused.returncode == 2
    assert "An admin has a password" in refused.stderr
    assert refused.stdout == ""


@pytest.mark.breadth
def test_a_race_of_two_set_ups_makes_one_admin(make_server: MakeServer) -> None:
    """All of them hash their passwords at the same time, and one of them is stored."""
    server = make_server(auth=None)
    ((_, token),) = printed_links(server)
    admin = admin_of(server)
    names = [f"racer{number}" for number in range(RACERS)]

    with ThreadPoolExecutor(RACERS) as threads:
        answers = list(threads.map(lambda name: set_up(server, token, name), names))

    winners = [answer for answer in answers if answer.status_code == 200]
    losers = [answer for answer in answers if answer.status_code != 200]
    assert (len(winners), len(losers)) == (1, RACERS - 1)
    for answer in losers:
        assert_problem(answer, 403, "setup_closed")
        assert "set-cookie" not in answer.headers
    users = admin.client.get("/api/v1/users").json()["data"]
    assert [user["name"] for user in users] == [winners[0].json()["user"]["name"]]


def test_a_new_link_replaces_the_last(make_server: MakeServer) -> None:
    """The command works beside a server; public_url names the host, and never a request."""
    public = "https://photos.example.org/p"
    server = make_server(auth=None, public_url=public)
    ((url, old),) = printed_links(server)
    evil = {"host": "evil.example", "x-forwarded-host": "evil.example"}
    server.client.get("/setup", headers={**evil, "accept": "text/html"})

    done = commands.run("setup-link", data_dir=server.data_dir, public_url=public)
    base, _, token = done.stdout.strip().partition("/setup#")

    assert url == base == public
    assert old != token
    assert_problem(set_up(server, old), 403, "setup_closed")
    assert_problem(set_up(server, token, origin="https://evil.example"), 403, "forbidden")
    assert_problem(set_up(server, token, host="evil.example", origin="null"), 403, "forbidden")
    for wrong in ("", "x", "é", token[:-1], token.lower(), token + "\n"):
        assert_problem(set_up(server, wrong), 403, "setup_closed")
    for name, password in (("Ada", PASSWORD), ("ada", "short"), ("", PASSWORD)):
        assert_problem(set_up(server, token, name, password), 400, "invalid_request")
    surrogate = b'{"token": "\\ud800", "name": "ada", "password": "correct horse battery"}'
    headers = {"content-type": "application/json"}
    assert server.client.post(SETUP, content=surrogate, headers=headers).status_code == 400

    make_user(server, admin_of(server), "taken")
    assert_problem(set_up(server, token, "taken"), 409, "conflict")
    done_at_last = set_up(server, token, origin="https://photos.example.org")
    assert done_at_last.status_code == 200, done_at_last.text
    assert cookie_of(done_at_last)[0] == "__Secure-imagesvc"


def test_an_admin_with_a_password_closes_the_set_up(make_server: MakeServer) -> None:
    """Also one who got it in another way, while a link is still valid."""
    server = make_server(auth=None)
    ((_, token),) = printed_links(server)
    admin = admin_of(server)
    admin.client.patch(f"/api/v1/users/{admin.id}", json={"password": PASSWORD}).raise_for_status()

    answer = set_up(server, token)

    assert_problem(answer, 403, "setup_closed")
    assert admin.client.get("/api/v1/users/me").json()["name"] == "admin"
    server.stop()
    server.start()
    assert len(printed_links(server)) == 1


@pytest.mark.breadth
@pytest.mark.parametrize("settings", [{"gallery": "false"}, {"auth": "off"}], ids=str)
def test_no_link_is_printed_where_no_page_takes_it(
    make_server: MakeServer, settings: dict[str, str]
) -> None:
    """A secret that is not needed is not made."""
    server = make_server(**{"auth": None, **settings})

    assert printed_links(server) == []
