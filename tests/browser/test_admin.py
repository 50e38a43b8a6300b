"""The page of the administration: state, failed jobs, and users."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.accounts import Account, admin_of, client_of, make_user
from tests.browser.pages import DIRECTIONS, NARROW, Visits, axe_violations, url_of, violations
from tests.http.asking import damaged, picture
from tests.server import Server
from tests.waiting import until

PASSWORD = "a long and good password"
HOSTILE = "<img src=x onerror=alert(1)>" + "w" * 70 + ".webp"


@pytest.fixture(scope="module")
def admin(members: Server) -> Account:
    """The admin, who has a password."""
    account = admin_of(members)
    sent = {"password": PASSWORD}
    changed = account.client.patch(f"/photos/api/v1/users/{account.id}", json=sent)
    assert changed.status_code == 200, changed.text
    return account


@pytest.fixture(scope="module")
def failed(members: Server, admin: Account) -> str:
    """The failed job of an image of a user, whose file has a hostile name."""
    user = make_user(members, admin, "eve", password=PASSWORD)
    sent = {"file": (HOSTILE, damaged(), "image/webp")}
    made = user.client.post("/photos/api/v1/images", files=sent)
    assert made.status_code == 201, made.text
    job_id: str = made.json()["job"]["id"]
    until(lambda: job_of(admin, job_id)["status"] == "failed")
    return job_id


def job_of(admin: Account, job_id: str) -> dict[str, Any]:
    """A job as JSON."""
    job: dict[str, Any] = admin.client.get(f"/photos/api/v1/jobs/{job_id}").json()
    return job


def can_log_in(server: Server, name: str, password: str) -> bool:
    """Whether a name and password begin a session."""
    sent = {"name": name, "password": password}
    return server.client.post("/photos/api/v1/session", json=sent).status_code == 200


def uploaded_by(server: Server, name: str) -> str:
    """The id of an image that a user uploads."""
    client = client_of(server)
    sent = {"name": name, "password": PASSWORD}
    client.post("/photos/api/v1/session", json=sent).raise_for_status()
    made = client.post("/photos/api/v1/images", files={"file": ("a.jpg", picture())})
    assert made.status_code == 201, made.text
    image_id: str = made.json()["id"]
    return image_id


def open_as(server: Server, visits: Visits, name: str, path: str, **options: Any) -> Page:
    """A page in a new browser in which a user has logged in."""
    page = visits.page(**options)
    sent = {"name": name, "password": PASSWORD}
    assert page.request.post(url_of(server, "/photos/api/v1/session"), data=sent).ok
    page.goto(url_of(server, path))
    return page


@pytest.mark.breadth
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_axe_finds_nothing(
    members: Server, visits: Visits, admin: Account, failed: str, direction: str
) -> None:
    """On the page and in a dialog, at the width of a phone, with hostile names."""
    assert failed
    page = open_as(
        members, visits, "admin", "/photos/admin",
        is_right_to_left=direction == "rtl", viewport=NARROW, has_touch=True,
    )  # fmt: skip
    expect(page.locator("#jobs li")).to_be_visible()
    expect(page.locator("#state")).to_contain_text("All is well")
    edit = page.locator("#users li", has_text="eve").get_by_role("button", name="Edit")
    expect(edit).to_be_visible()

    assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]
    assert axe_violations(page) == []
    edit.click()
    expect(page.get_by_role("dialog", name="Edit eve")).to_be_visible()
    assert axe_violations(page) == []


@pytest.mark.breadth
def test_a_failed_job_is_listed_with_its_reason_and_retried(
    members: Server, visits: Visits, admin: Account, failed: str
) -> None:
    """The name of the file is text; the job is queued again, alone and with all others."""
    page = open_as(members, visits, "admin", "/photos/", locale="en-GB")
    page.locator(".menu summary").click()
    page.get_by_role("link", name="Administration").click()
    row = page.locator("#jobs li")

    expect(row.locator("strong bdi")).to_have_text(HOSTILE)
    expect(row).to_contain_text("corrupt_image")
    assert page.locator("main img").count() == 0
    for button in (row.get_by_role("button"), page.get_by_role("button", name="Retry all")):
        before = job_of(admin, failed)["started_at"]
        button.click()
        expect(page.get_by_text("1 job is queued again.")).to_be_visible()
        until(lambda: (job := job_of(admin, failed))["started_at"] and job["status"] == "failed")
        assert job_of(admin, failed)["started_at"] > before
        page.reload()
        expect(row).to_contain_text("corrupt_image")


def test_users_are_made_changed_and_removed(
    members: Server, visits: Visits, admin: Account, failed: str
) -> None:
    """A mistake is an error in the dialog; the pictures of a removed user get a new owner."""
    assert failed
    heir = make_user(members, admin, "heir")
    page = open_as(members, visits, "admin", "/photos/admin")
    users = page.locator("#users li")
    expect(users.filter(has_text="heir")).to_be_visible()
    expect(page.locator("#jobs li")).to_be_visible()
    expect(page.locator("#state")).to_contain_text("All is well")
    assert violations(page) == []

    page.get_by_role("button", name="New user").click()
    form = page.get_by_role("dialog", name="New user")
    form.get_by_label("Name").fill("heir")
    visits.expect_error("409")
    form.get_by_role("button", name="Create").click()
    expect(form.get_by_role("alert")).to_contain_text("Request ")
    form.get_by_label("Name").fill("ned")
    form.get_by_label("Password").fill(PASSWORD)
    form.get_by_label("Space at most").fill("1.5")
    form.get_by_role("button", name="Create").click()
    expect(users.filter(has_text="ned")).to_contain_text("of 1.5 MB")
    expect(users.filter(has_text="ned")).to_be_visible()
    expect(page.get_by_role("button", name="New user")).to_be_focused()
    assert can_log_in(members, "ned", PASSWORD)
    image_id = uploaded_by(members, "ned")

    page.keyboard.press("/")
    page.keyboard.type("ned")
    expect(users).to_have_count(1)
    users.get_by_role("button", name="Edit").click()
    form = page.get_by_role("dialog", name="Edit ned")
    expect(form).to_be_visible()
    assert violations(page) == []
    form.get_by_label("Space at most").fill("2.5")
    form.get_by_label("Disabled").check()
    form.get_by_role("button", name="Save").click()
    expect(users).to_contain_text("of 2.5 MB")
    expect(users).to_contain_text("Disabled")
    assert not can_log_in(members, "ned", PASSWORD)

    users.get_by_role("button", name="Remove").click()
    form = page.get_by_role("dialog", name="Remove ned")
    form.get_by_label("1 picture goes to").select_option("heir")
    form.get_by_role("button", name="Remove").click()

    expect(page.get_by_text("ned was removed.")).to_be_visible()
    expect(page.get_by_text("No user has this name.")).to_be_visible()
    assert admin.client.get(f"/photos/api/v1/images/{image_id}").json()["owner_id"] == heir.id
    page.get_by_role("searchbox", name="Find a user").fill("admin")
    expect(users.get_by_role("button")).to_have_count(1)  # no one removes oneself


@pytest.mark.breadth
def test_the_page_is_for_admins(members: Server, visits: Visits, admin: Account) -> None:
    """Other users see neither it nor a link to it."""
    make_user(members, admin, "una", password=PASSWORD)
    visits.expect_error("403")
    page = open_as(members, visits, "una", "/photos/admin")

    expect(page.get_by_role("alert")).to_contain_text("This page is for administrators.")
    assert page.locator("main section, a[href$='/admin']").count() == 0
    page.get_by_role("link", name="To the timeline").click()
    expect(page).to_have_url(url_of(members, "/photos/"))


@pytest.mark.breadth
def test_without_accounts_it_has_no_users(gallery: Server, visits: Visits) -> None:
    """State, jobs and settings concern everyone; a fault is named in place of `All is well`."""
    size = gallery.upload(picture(1, (300, 200)))["bytes"]
    page = visits.open(gallery, "/admin")
    expect(page.get_by_text("All is well")).to_be_visible()
    expect(page.locator("#storage dd").first).to_have_text(
        f"{size / 1000:.1f} kB".replace(".0", "")
    )
    expect(page.locator("#storage dd").last).to_have_text("0 bytes")
    expect(page.get_by_text("No job has failed.")).to_be_visible()
    expect(page.locator("main h2")).to_have_text(["State", "Jobs", "Settings"])

    settings = page.locator("#settings li")
    expect(settings.filter(has_text="data_dir")).to_contain_text(str(gallery.data_dir))
    expect(settings.filter(has_text="gc_grace")).to_have_count(0)  # it has its default
    page.get_by_role("searchbox", name="Find a setting").fill("gc grace")
    expect(settings.locator("strong")).to_have_text("gc_grace")
    expect(settings).to_contain_text("1h")

    moved = gallery.data_dir.with_name("elsewhere")
    gallery.data_dir.rename(moved)
    try:
        visits.expect_error("503")
        page.reload()
        alert = page.locator("#state").get_by_role("alert")  # jobs may have one, too
        expect(alert).to_contain_text("The data directory is missing.")
        alert = page.locator("#storage").get_by_role("alert")
        expect(alert).to_contain_text("The data directory is missing.")
    finally:
        moved.rename(gallery.data_dir)
