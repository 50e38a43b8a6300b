"""Sessions of browsers: log in, use the API by the cookie, list, end and log out."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.accounts import PASSWORD, Account, client_of, make_key, make_user
from tests.http.asking import assert_problem, picture
from tests.server import Server
from tests.sessions import EVERY, ONE, browser_of, cookie_of, log_in

pytestmark = pytest.mark.joint


@pytest.fixture(scope="module")
def ada(guarded: Server, admin: Account) -> Account:
    """A user with a password."""
    return make_user(guarded, admin, "ada", password=PASSWORD)


@pytest.fixture
def browser(guarded: Server, ada: Account) -> httpx2.Client:
    """A browser in which Ada has logged in."""
    return browser_of(guarded, "ada")


def test_a_log_in_sets_a_cookie_and_shows_the_user(guarded: Server, ada: Account) -> None:
    """Over HTTP the cookie has no prefix, since browsers accept prefixes over HTTPS only."""
    answer = log_in(client_of(guarded), "ada", headers={"user-agent": "b" * 300})

    shown = answer.json()
    name, token, attributes = cookie_of(answer)
    assert answer.headers["cache-control"] == "no-store"
    assert (shown["user"]["id"], shown["user"]["name"]) == (ada.id, "ada")
    assert shown["scopes"] == ["read", "upload", "manage"]
    assert shown["session"]["is_current"] is True
    assert len(shown["session"]["user_agent"]) == 200
    assert shown["session"]["address"] == "127.0.0.1"
    assert (name, len(token)) == ("imagesvc", 43)
    assert attributes == {"HttpOnly", "Max-Age=7776000", "Path=/", "SameSite=lax"}
    assert token not in answer.text


def test_a_session_has_the_rights_of_its_user(browser: httpx2.Client, ada: Account) -> None:
    """It uploads, shows private images, changes and deletes."""
    current = browser.get(ONE).json()
    image = browser.post("/api/v1/images", files={"file": ("a.jpg", picture(1))}).json()
    url = f"/api/v1/images/{image['id']}"

    assert current["user"]["id"] == image["owner_id"] == ada.id
    assert browser.patch(url, json={"visibility": "private"}).status_code == 200
    assert browser.get(f"/images/{image['id']}").status_code == 200
    assert browser.delete(url).status_code == 204
    assert_problem(browser.get("/api/v1/users"), 403, "forbidden")


def test_the_log_out_ends_the_session(guarded: Server, browser: httpx2.Client) -> None:
    """The browser forgets the cookie; a copy of the cookie is useless."""
    copy = client_of(guarded)
    copy.cookies.update(browser.cookies)
    assert copy.get(ONE).status_code == 200

    answer = browser.delete(ONE)

    assert answer.status_code == 204
    assert "clear-site-data" not in answer.headers  # Chromium stops for seconds to clear its cache
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert not browser.cookies
    assert_problem(copy.get(ONE), 401, "unauthorized")
    assert copy.delete(ONE).status_code == 204


def test_the_form_of_a_page_ends_the_session(guarded: Server, browser: httpx2.Client) -> None:
    """It leads to the log-in, with a session or without; other sites cannot send it."""
    page = {"accept": "text/html"}
    foreign = browser.post("/logout", headers={**page, "origin": "https://other.example"})
    assert_problem(foreign, 403, "forbidden")
    assert browser.get(ONE).status_code == 200

    own = {**page, "sec-fetch-site": "same-origin"}
    answer = browser.post("/logout", headers=own, data={})

    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert not browser.cookies
    assert_problem(browser.get(ONE), 401, "unauthorized")
    assert client_of(guarded).post("/logout", headers=own).status_code == 303


def test_pages_that_are_refused_let_their_user_log_out(browser: httpx2.Client) -> None:
    """Over HTTP a browser says where a form comes from only if its page has no `no-referrer`."""
    refused = browser.get("/admin", headers={"accept": "text/html"})

    assert refused.status_code == 403
    assert refused.headers["referrer-policy"] == "same-origin"


def test_sessions_are_listed_and_ended_by_their_user(
    guarded: Server, admin: Account, browser: httpx2.Client, ada: Account
) -> None:
    """An ended session is refused at its next request; other sessions continue."""
    phone = browser_of(guarded, "ada")
    phone_id = phone.get(ONE).json()["session"]["id"]
    listed = browser.get(EVERY).json()["data"]
    others = admin.client.get(EVERY, params={"user": ada.id, "limit": 200}).json()["data"]

    assert listed[0]["id"] == phone_id
    assert [item["is_current"] for item in listed[:2]] == [False, True]
    assert {item["id"] for item in others} == {item["id"] for item in listed}
    assert not any(item["is_current"] for item in others)
    assert browser.delete(f"{EVERY}/{phone_id}").status_code == 204
    assert_problem(phone.get(ONE), 401, "unauthorized")
    assert_problem(browser.delete(f"{EVERY}/{phone_id}"), 404, "not_found")
    assert browser.get(ONE).status_code == 200


def test_sessions_of_other_users_do_not_exist(
    guarded: Server, admin: Account, browser: httpx2.Client
) -> None:
    """Neither in lists nor by their ids."""
    eve = make_user(guarded, admin, "eve", password=PASSWORD)
    theirs = browser_of(guarded, "eve")
    eves_id = theirs.get(ONE).json()["session"]["id"]

    assert_problem(browser.delete(f"{EVERY}/{eves_id}"), 404, "not_found")
    assert_problem(browser.get(EVERY, params={"user": eve.id}), 404, "not_found")
    assert eves_id not in browser.get(EVERY).text
    assert theirs.get(ONE).status_code == 200


@pytest.mark.breadth
@pytest.mark.parametrize(
    "change",
    [{"password": "another correct horse"}, {"is_disabled": True}],
    ids=lambda change: next(iter(change)),
)
def test_a_change_of_the_user_ends_the_sessions(
    guarded: Server, admin: Account, change: dict[str, Any]
) -> None:
    """A new password, and disabling, at the next request; enabling again restores no session."""
    user = make_user(guarded, admin, f"changed-{next(iter(change))[-4:]}", password=PASSWORD)
    name = admin.client.get(f"/api/v1/users/{user.id}").json()["name"]
    browser = browser_of(guarded, name)
    url = f"/api/v1/users/{user.id}"

    admin.client.patch(url, json=change).raise_for_status()

    assert_problem(browser.get(ONE), 401, "unauthorized")
    admin.client.patch(url, json={"is_disabled": False}).raise_for_status()
    assert_problem(browser.get(ONE), 401, "unauthorized")


def test_a_removed_user_has_no_session(guarded: Server, admin: Account) -> None:
    """The rows are deleted with the user."""
    user = make_user(guarded, admin, "leaving", password=PASSWORD)
    browser = browser_of(guarded, "leaving")

    admin.client.delete(f"/api/v1/users/{user.id}").raise_for_status()

    assert_problem(browser.get(ONE), 401, "unauthorized")


@pytest.mark.parametrize(
    ("name", "password"),
    [("ada", "wrong"), ("nobody-has-this-name", PASSWORD), ("admin", PASSWORD)],
)
def test_a_refused_log_in_does_not_reveal_names(
    guarded: Server, ada: Account, name: str, password: str
) -> None:
    """As for tokens; the admin has no password. No cookie is set."""
    answer = client_of(guarded).post(ONE, json={"name": name, "password": password})

    document = assert_problem(answer, 401, "unauthorized")
    assert document["detail"] == "The name or the password is wrong."
    assert "set-cookie" not in answer.headers


def test_a_log_in_takes_json_only(guarded: Server, ada: Account) -> None:
    """A form of another site cannot send JSON."""
    body = {"name": "ada", "password": PASSWORD}
    client = client_of(guarded)

    assert_problem(client.post(ONE, data=body), 415, "unsupported_media_type")
    assert_problem(client.post(ONE, json={**body, "scope": "read"}), 400, "invalid_request")
    assert_problem(client.post(ONE, json={"name": "ada"}), 400, "invalid_request")


def test_a_key_has_no_session(guarded: Server, admin: Account, ada: Account) -> None:
    """The operation shows the user of any credential."""
    _, client = make_key(guarded, admin, ada.id, ["read"])

    shown = client.get(ONE).json()

    assert (shown["user"]["name"], shown["scopes"], shown["session"]) == ("ada", ["read"], None)


def test_an_ended_session_is_like_no_credential(guarded: Server, browser: httpx2.Client) -> None:
    """A browser sends its cookie to what is public, too."""
    image = browser.post(
        "/api/v1/images", files={"file": ("a.jpg", picture(2))}, data={"visibility": "public"}
    ).json()
    copy = client_of(guarded)
    copy.cookies.update(browser.cookies)
    assert copy.get(ONE).status_code == 200

    browser.delete(ONE)

    assert copy.get(ONE).status_code == 401
    assert copy.get(f"/images/{image['id']}").status_code == 200
    owner = browser_of(guarded, "ada")
    owner.patch(f"/api/v1/images/{image['id']}", json={"visibility": "private"})
    assert owner.get(f"/images/{image['id']}").status_code == 200
    assert_problem(copy.get(f"/images/{image['id']}"), 404, "not_found")


def test_without_accounts_there_is_no_user(server: Server) -> None:
    """The operation that shows the session answers, so that pages need no special case."""
    shown = server.client.get(ONE).json()

    assert (shown["user"], shown["session"]) == (None, None)
    assert shown["scopes"] == ["read", "upload", "manage", "admin"]
