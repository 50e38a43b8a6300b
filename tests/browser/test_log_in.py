"""From the set-up link to the gallery, log out, log in, and the end of a session elsewhere."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.accounts import Account, admin_of, make_user
from tests.browser.pages import Visits, url_of
from tests.http.asking import picture
from tests.server import Server

PASSWORD = "a long and good password"
FETCH = "(url) => fetch(url).then((it) => [it.status, it.headers.get('cache-control')])"


@pytest.fixture(scope="module")
def admin(members: Server) -> Account:
    """The admin, by the key that the first start printed."""
    return admin_of(members)


def fill(page: Page, **values: str) -> None:
    """Fill fields by their ids, and send the form."""
    for name, value in values.items():
        page.locator(f"#{name}").fill(value)
    page.locator("main [type=submit]").click()


def test_the_link_of_the_first_start_leads_to_the_gallery(
    members: Server, visits: Visits, admin: Account
) -> None:
    """Once: the second use says how to get another link."""
    (token,) = re.findall(r"^    \S+/setup#(\S+)$", members.log(), re.MULTILINE)
    link = url_of(members, f"/photos/setup#{token}")
    page = visits.open(members, "/photos/login")
    expect(page.get_by_text("imagesvc setup-link")).to_be_visible()
    page.goto(link)
    expect(page).to_have_url(url_of(members, "/photos/setup"))  # the history has no token

    fill(page, name="grace", password=PASSWORD, repeated="another")
    expect(page.get_by_role("alert")).to_have_text("The two passwords are different.")
    fill(page, repeated=PASSWORD)

    expect(page).to_have_url(url_of(members, "/photos/"))
    expect(page.get_by_role("heading", name="No pictures yet")).to_be_visible()
    assert admin.client.get("/api/v1/users/me").json()["name"] == "grace"

    visits.expect_error("403")
    again = visits.open(members, "/photos/login")
    expect(again.get_by_role("button", name="Log in")).to_be_enabled()
    expect(again.get_by_text("imagesvc setup-link")).to_have_count(0)
    again.goto(link)
    fill(again, name="mallory", password=PASSWORD, repeated=PASSWORD)
    expect(again.get_by_role("alert")).to_contain_text("imagesvc setup-link")


def test_a_user_logs_in_and_out(members: Server, visits: Visits, admin: Account) -> None:
    """The log-in leads to the page that was asked for; the log-out back to the log-in."""
    make_user(members, admin, "ada", password=PASSWORD)
    visits.expect_error("401")
    page = visits.open(members, "/photos/?q=sea")
    expect(page).to_have_url(re.compile("/photos/login[?]next="))

    fill(page, name="ada", password="wrong password")
    expect(page.get_by_role("alert")).to_contain_text("The name or the password is wrong.")
    fill(page, password=PASSWORD)

    expect(page).to_have_url(url_of(members, "/photos/?q=sea"))
    cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
    session = cookies["imagesvc"]
    assert session["httpOnly"] is True
    assert (session["sameSite"], session["path"]) == ("Lax", "/photos")
    assert page.evaluate("document.cookie") == ""

    page.locator(".menu summary").click()
    expect(page.locator(".menu-user")).to_have_text("ada")
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url(url_of(members, "/photos/login"))
    page.goto(url_of(members, "/photos/"))
    expect(page).to_have_url(re.compile("/photos/login"))


@pytest.mark.breadth
def test_a_browser_that_logged_out_shows_no_private_image(
    members: Server, visits: Visits, admin: Account
) -> None:
    """Its cache keeps images of a session for days, but uses them with the cookie only."""
    user = make_user(members, admin, "carol", password=PASSWORD)
    fields = {"visibility": "private"}
    made = user.client.post("/api/v1/images", files={"file": ("a.jpg", picture())}, data=fields)
    image = made.json()["id"]
    visits.expect_error("404")
    page = visits.open(members, "/photos/login")
    fill(page, name="carol", password=PASSWORD)
    page.locator(".tile").wait_for()
    grid = page.evaluate("JSON.parse(document.getElementById('page').textContent).presets.grid")
    url = url_of(members, f"/photos/images/{image}/{grid}")

    status, caching = page.evaluate(FETCH, url)
    assert (status, "immutable" in caching) == (200, True)
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url(url_of(members, "/photos/login"))

    status, _caching = page.evaluate(FETCH, url)
    assert status == 404


@pytest.mark.breadth
def test_a_user_logs_out_before_any_script_runs(
    members: Server, visits: Visits, admin: Account
) -> None:
    """The session ends by a form, also where a slow network brings the scripts later."""
    user = make_user(members, admin, "dave", password=PASSWORD)
    page = visits.open(members, "/photos/login")
    fill(page, name="dave", password=PASSWORD)
    expect(page.get_by_role("heading", name="No pictures yet")).to_be_visible()
    page.route("**/*.js", lambda route: route.abort())
    visits.expect_error("ERR_FAILED")
    page.reload()

    expect(page.get_by_role("button", name="Upload")).to_be_disabled()
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Log out").click()

    expect(page).to_have_url(url_of(members, "/photos/login"))
    listed = admin.client.get("/api/v1/sessions", params={"user": user.id}).json()
    assert listed["data"] == []


@pytest.mark.breadth
def test_a_revoked_session_is_out_at_the_next_request(
    members: Server, visits: Visits, admin: Account
) -> None:
    """The timeline of a page that is still open says so."""
    user = make_user(members, admin, "bob", password=PASSWORD)
    page = visits.open(members, "/photos/login")
    fill(page, name="bob", password=PASSWORD)
    page.get_by_role("heading", name="No pictures yet").wait_for()

    sessions = admin.client.get("/api/v1/sessions", params={"user": user.id}).json()["data"]
    for session in sessions:
        assert admin.client.delete(f"/api/v1/sessions/{session['id']}").status_code == 204

    page.reload()
    expect(page).to_have_url(re.compile("/photos/login"))
