"""The page of one's own account: password, sessions, keys, and the configuration for ShareX."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page, expect

from tests.accounts import Account, admin_of, client_of, make_user, refused
from tests.browser.pages import DIRECTIONS, NARROW, Visits, axe_violations, url_of, violations
from tests.http.asking import picture
from tests.receiver import Receiver
from tests.server import Server
from tests.waiting import until

PASSWORD, NEW_PASSWORD = "a long and good password", "another long password"
HOSTILE = "<img src=x onerror=alert(1)>\u202e" + "w" * 70
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture(scope="module")
def admin(members: Server) -> Account:
    """The admin of the server."""
    return admin_of(members)


def open_account(server: Server, visits: Visits, name: str, **options: Any) -> Page:
    """The page in a new browser in which a user has logged in."""
    page = visits.page(**options)
    sent = {"name": name, "password": PASSWORD}
    assert page.request.post(url_of(server, "/photos/api/v1/session"), data=sent).ok
    page.goto(url_of(server, "/photos/account"))
    expect(page.locator("#sessions li").first).to_be_visible()
    return page


def log_in(server: Server, name: str, password: str = PASSWORD) -> httpx2.Client:
    """A session of Firefox."""
    client = client_of(server)
    client.headers["user-agent"] = FIREFOX
    sent = {"name": name, "password": password}
    client.post("/photos/api/v1/session", json=sent).raise_for_status()
    return client


def has_session(client: httpx2.Client) -> bool:
    """Whether a client is still logged in."""
    return client.get("/photos/api/v1/session").status_code == 200


@pytest.mark.breadth
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_axe_finds_nothing(members: Server, visits: Visits, admin: Account, direction: str) -> None:
    """On the page and in its dialog, at the width of a phone, with long and hostile names."""
    user = make_user(members, admin, f"axe-{direction}", password=PASSWORD)
    key = {"name": HOSTILE, "scopes": ["read"], "expires_at": "2100-01-01T00:00:00Z"}
    user.client.post("/photos/api/v1/api-keys", json=key).raise_for_status()
    hook = {"url": f"http://127.0.0.1:9/{'x' * 300}"}
    user.client.post("/photos/api/v1/webhooks", json=hook).raise_for_status()
    quota = {"quota_images": 10, "quota_bytes": 10_000_000}
    changed = admin.client.patch(f"/photos/api/v1/users/{user.id}", json=quota)
    assert changed.status_code == 200
    log_in(members, f"axe-{direction}")
    page = open_account(
        members, visits, f"axe-{direction}", is_right_to_left=direction == "rtl",
        viewport=NARROW, has_touch=True,
    )  # fmt: skip
    expect(page.locator("#keys bdi").get_by_text(HOSTILE)).to_be_visible()
    expect(page.locator("#profile progress")).to_have_count(2)

    assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]
    assert axe_violations(page) == []
    page.get_by_role("button", name="New key").click()
    assert axe_violations(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Deliveries").click()
    page.get_by_role("button", name="Send a test").click()
    expect(page.locator("#deliveries li")).to_be_visible()
    assert axe_violations(page) == []


def test_a_key_is_made_shown_once_and_removed(
    members: Server, visits: Visits, admin: Account
) -> None:
    """It has the chosen scopes; a hostile name is text everywhere. The focus comes back."""
    make_user(members, admin, "kay", password=PASSWORD)
    page = open_account(members, visits, "kay")
    opener = page.get_by_role("button", name="New key")

    opener.click()
    form = page.get_by_role("dialog", name="New key")
    assert violations(page) == []
    form.get_by_label("see pictures").uncheck()
    form.get_by_label("upload").uncheck()
    form.get_by_label("Name").fill(HOSTILE)
    form.get_by_role("button", name="Create").click()
    expect(form.get_by_role("alert")).to_have_text("Choose at least one permission.")
    form.get_by_label("see pictures").check()
    form.get_by_role("button", name="Create").click()
    shown = page.get_by_role("dialog", name="Your new key")
    client = client_of(members, shown.locator("code").inner_text())
    shown.get_by_role("button", name="Close").click()

    expect(opener).to_be_focused()
    assert client.get("/photos/api/v1/users/me").json()["scopes"] == ["read"]
    row = page.locator("#keys li", has=page.get_by_text(HOSTILE))
    expect(row).to_contain_text("see pictures")
    assert page.locator("main img, dialog img").count() == 0

    row.get_by_role("button").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)
    refused(client.get("/photos/api/v1/users/me"))


@pytest.mark.breadth
def test_a_new_password_ends_all_other_sessions(
    members: Server, visits: Visits, admin: Account
) -> None:
    """This browser stays logged in; wrong passwords change nothing."""
    make_user(members, admin, "pat", password=PASSWORD)
    other = log_in(members, "pat")
    page = open_account(members, visits, "pat")
    form = page.locator("#password")
    expect(page.locator("#sessions li")).to_have_count(2)

    def change(old: str, new: str, repeated: str) -> None:
        form.get_by_label("Current password").fill(old)
        form.get_by_label("New password", exact=True).fill(new)
        form.get_by_label("New password again").fill(repeated)
        form.get_by_role("button").click()

    change(PASSWORD, NEW_PASSWORD, "different")
    expect(form.get_by_role("alert")).to_have_text("The two passwords are different.")
    visits.expect_error("403")
    change("wrong", NEW_PASSWORD, NEW_PASSWORD)
    expect(form.get_by_role("alert")).to_contain_text("Request")
    assert has_session(other)

    change(PASSWORD, NEW_PASSWORD, NEW_PASSWORD)

    expect(page.get_by_text("The password was changed.")).to_be_visible()
    expect(page.locator("#sessions li")).to_have_count(1)
    expect(form.get_by_label("Current password")).to_have_value("")
    assert not has_session(other)
    assert has_session(log_in(members, "pat", NEW_PASSWORD))


@pytest.mark.breadth
def test_sessions_are_ended(members: Server, visits: Visits, admin: Account) -> None:
    """One, and all others at once; each browser is out at its next request."""
    make_user(members, admin, "sam", password=PASSWORD)
    others = [log_in(members, "sam") for _ in range(3)]
    page = open_account(members, visits, "sam")
    rows = page.locator("#sessions li")
    expect(rows).to_have_count(4)
    expect(rows.first).to_contain_text("This browser")

    page.get_by_role("button", name="Log out Firefox · Linux").first.click()
    expect(rows).to_have_count(3)
    assert sum(map(has_session, others)) == 2
    elsewhere = open_account(members, visits, "sam")
    page.get_by_role("button", name="Log out everywhere else").click()
    expect(rows).to_have_count(1)

    assert not any(map(has_session, others))
    expect(page.locator("#sessions")).to_be_focused()
    page.reload()
    expect(rows).to_have_count(1)
    visits.expect_error("401")
    elsewhere.get_by_role("button", name="Log out everywhere else").click()
    expect(elsewhere).to_have_url(url_of(members, "/photos/login?next=/account"))


def sharex_file(page: Page) -> dict[str, Any]:
    """The configuration that the page offers."""
    with page.expect_download() as download:
        page.get_by_role("button", name="Download configuration").click()
    assert download.value.suggested_filename == "127.0.0.1.sxcu"
    path = download.value.path()
    uploader: dict[str, Any] = json.loads(Path(path).read_text("utf-8"))
    return uploader


@pytest.mark.breadth
def test_sharex_uploads_by_the_downloaded_file(
    members: Server, visits: Visits, admin: Account
) -> None:
    """With a key that can do nothing else; strangers open the link."""
    make_user(members, admin, "shaw", password=PASSWORD)
    page = open_account(members, visits, "shaw")

    uploader = sharex_file(page)

    expect(page.locator("#keys li").first).to_contain_text("ShareX")
    made = httpx2.post(
        uploader["RequestURL"], headers=uploader["Headers"], data=uploader["Arguments"],
        files={uploader["FileFormName"]: ("a.jpg", picture())},
    )  # fmt: skip
    assert made.status_code == 201, made.text
    link = uploader["URL"].replace("{json:id}", made.json()["id"])
    assert httpx2.get(link).status_code == 200
    listed = httpx2.get(uploader["RequestURL"], headers=uploader["Headers"])
    assert listed.status_code == 403


@pytest.mark.breadth
def test_a_webhook_is_made_tested_and_removed(
    members: Server, visits: Visits, admin: Account
) -> None:
    """Its deliveries have the responses of the receiver; a refused address is named in the form."""
    receiver = Receiver()
    make_user(members, admin, "wim", password=PASSWORD)
    page = open_account(members, visits, "wim")
    try:
        page.get_by_role("button", name="New webhook").click()
        form = page.get_by_role("dialog", name="New webhook")
        form.get_by_label("Address").fill("http://10.0.0.1/")
        visits.expect_error("400")
        form.get_by_role("button", name="Create").click()
        expect(form.get_by_role("alert")).to_contain_text("Request ")
        form.get_by_label("Address").fill(receiver.url("/hook", 500))
        form.get_by_label("Events").select_option("Pictures")
        form.get_by_role("button", name="Create").click()
        shown = page.get_by_role("dialog", name="The secret of the webhook")
        expect(shown.locator("code")).to_contain_text("whsec_")
        shown.get_by_role("button", name="Close").click()
        row = page.locator("#webhooks li")
        expect(row).to_contain_text("image.deleted")

        row.get_by_role("button", name="Deliveries").click()
        dialog = page.get_by_role("dialog", name="Deliveries")
        dialog.get_by_role("button", name="Send a test").click()
        expect(dialog.locator("li")).to_contain_text("webhook.test")
        assert violations(page) == []
        until(lambda: receiver.at("/hook"))
        dialog.get_by_role("button", name="Switch off").click()
        expect(dialog.get_by_role("button", name="Switch on")).to_be_visible()
        dialog.get_by_role("button", name="Close").click()
        expect(row).to_contain_text("Off")
        assert violations(page) == []

        row.get_by_role("button", name="Remove").click()
        page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        expect(page.get_by_text("There are no webhooks yet.")).to_be_visible()
    finally:
        receiver.close()


@pytest.mark.breadth
def test_without_accounts_there_are_programs_only(gallery: Server, visits: Visits) -> None:
    """No one has a password or keys; the menu leads to the page."""
    page = visits.open(gallery)
    page.locator(".menu summary").click()
    page.get_by_role("link", name="Settings").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Settings")
    expect(page.locator("main h2")).to_have_text(["Language and theme", "Webhooks", "ShareX"])
    assert "Headers" not in sharex_file(page)


@pytest.mark.breadth
def test_a_list_that_fails_is_loaded_again(members: Server, visits: Visits, admin: Account) -> None:
    """The reason and the id of the request are shown in its place, and the rest works."""
    make_user(members, admin, "fay", password=PASSWORD)
    page = open_account(members, visits, "fay")
    document = json.dumps({"code": "unavailable", "detail": "The database is away."})
    visits.expect_error("503")
    pattern = "**/api/v1/sessions?*"
    page.route(
        pattern,
        lambda route: route.fulfill(status=503, body=document, headers={"x-request-id": "r-17"}),
    )

    page.reload()
    alert = page.get_by_role("alert").filter(has_text="The database is away.")
    expect(alert).to_contain_text("r-17")
    expect(page.locator("#keys")).to_contain_text("for a test")
    page.unroute(pattern)
    page.get_by_role("button", name="Try again").click()

    expect(page.locator("#sessions li")).to_have_count(1)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
