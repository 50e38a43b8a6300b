"""The installed gallery asks before it uploads photos of a phone's share sheet."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.accounts import admin_of, make_user
from tests.browser.pages import Visits, axe_violations, url_of
from tests.http.asking import images_count, picture
from tests.server import Server

PASSWORD = "a long and good password"
INSTALL = """async () => {
  dispatchEvent(new Event("appinstalled"));
  await navigator.serviceWorker.ready;
}"""
SHARE = """([action, photos]) => {
  const form = Object.assign(document.createElement("form"), {
    method: "post", enctype: "multipart/form-data", action,
  });
  const input = document.createElement("input");
  Object.assign(input, { type: "file", name: "media", multiple: true });
  const transfer = new DataTransfer();
  for (const [name, text] of photos) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    transfer.items.add(new File([bytes], name, { type: "image/jpeg" }));
  }
  input.files = transfer.files;
  form.append(input);
  document.body.append(form);
  form.submit();
}"""
PHOTOS = [
    [name, base64.b64encode(picture(seed, (400, 300))).decode()]
    for seed, name in enumerate(["beach.jpg", "<img src=x onerror=alert()>.jpg"])
]


@pytest.fixture(scope="module")
def members(members: Server) -> Server:
    """The same, with a user."""
    make_user(members, admin_of(members), "eve", password=PASSWORD)
    return members


def installed(visits: Visits, server: Server, path: str = "/", **options: Any) -> Page:
    """A page of the installed gallery, whose service worker is active."""
    page = visits.open(server, path, is_shared=False, **options)
    page.locator("#upload:enabled").wait_for()
    page.evaluate(INSTALL)
    return page


def share(page: Page, action: str) -> None:
    """Send photos as the system does: a form that leads to another page."""
    with page.expect_navigation():
        page.evaluate(SHARE, [action, PHOTOS])


def test_shared_photos_are_uploaded_after_a_question(visits: Visits, gallery: Server) -> None:
    """Their names stay; what is discarded is gone."""
    page = installed(visits, gallery)
    share(page, url_of(gallery, "/share-target"))
    dialog = page.get_by_role("dialog", name="Shared photos")
    expect(dialog).to_contain_text("2 photos were shared with the gallery. Upload them?")
    expect(page).to_have_url(url_of(gallery, "/"))
    expect(dialog.get_by_role("img")).to_have_count(2)
    assert axe_violations(page) == []
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.wait_for_function("caches.has('imagesvc-shared').then((has) => !has)")
    page.goto(url_of(gallery, "/?shared=files"))
    expect(page.locator("#messages")).to_contain_text("did not arrive")
    assert images_count(gallery) == 0

    share(page, url_of(gallery, "/share-target"))
    dialog.get_by_role("button", name="Upload").click()

    expect(page.locator(".tile")).to_have_count(2)
    images = gallery.client.get("/api/v1/images").json()["data"]
    assert {image["filename"] for image in images} == {name for name, _content in PHOTOS}


@pytest.mark.breadth
def test_another_site_uploads_nothing(visits: Visits, gallery: Server) -> None:
    """Its form gets as far as the question, which names the pictures."""
    count = images_count(gallery)
    page = installed(visits, gallery)
    foreign = page.context.new_page()
    foreign.goto("data:text/html,<p>another site")

    share(foreign, url_of(gallery, "/share-target"))

    expect(foreign.get_by_role("dialog", name="Shared photos")).to_be_visible()
    assert images_count(gallery) == count


@pytest.mark.breadth
def test_photos_outlast_a_log_in(visits: Visits, members: Server) -> None:
    """The session had ended; the photos wait in the browser until there is another."""
    page = visits.open(members, "/photos/login", is_shared=False)
    log_in(page)
    page.locator("#upload:enabled").wait_for()
    page.evaluate(INSTALL)
    page.context.clear_cookies()

    share(page, url_of(members, "/photos/share-target"))
    log_in(page)

    page.get_by_role("dialog", name="Shared photos").get_by_role("button", name="Upload").click()
    expect(page.locator(".tile")).to_have_count(2)


def log_in(page: Page) -> None:
    """Fill the form of the log-in."""
    page.locator("#name").fill("eve")
    page.locator("#password").fill(PASSWORD)
    page.locator("[type=submit]:enabled").click()
