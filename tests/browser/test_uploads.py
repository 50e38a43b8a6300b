"""The upload tray: what is dropped, chosen or pasted becomes images, also over a bad network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Dialog, Page, Route, expect

from tests.accounts import PASSWORD, admin_of, make_user
from tests.browser.contexts import WIDE
from tests.browser.cutting import Relay
from tests.browser.dropping import choose, drag, drop, drop_folder, fresh, jpeg, paste, row
from tests.browser.pages import DIRECTIONS, NARROW, Visits, axe_violations, url_of, violations
from tests.http.asking import TEXT, picture
from tests.remote import Remote, answered
from tests.server import Server
from tests.sessions import browser_of

HOSTILE = '"><img src=x onerror="window.hacked=true"> \u202egpj.jpg'
COLLECT_EVENTS = """() => {
  window.uploaded = [];
  document.addEventListener("imagesvc:uploaded", ({ detail }) => {
    window.uploaded.push(detail.image.filename);
  });
}"""


@pytest.fixture(scope="module")
def remote() -> Iterator[Remote]:
    """Another site with pictures."""
    site = Remote()
    yield site
    site.close()


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory, remote: Remote) -> Iterator[Server]:
    """A server with accounts, which may import from the other site."""
    server = Server(
        tmp_path_factory.mktemp("members") / "data", auth="required", max_upload_size="300KiB",
        allow_url_import="true", url_import_allow='["127.0.0.1/32"]',
        url_import_ports=f"[{remote.port}]", rate_limits="off",
    ).start()  # fmt: skip
    make_user(server, admin_of(server), "anna", password=PASSWORD)
    yield server
    server.close()


@pytest.fixture(scope="module")
def anna(members: Server) -> httpx2.Client:
    """A client of the user who is logged in in the browser."""
    return browser_of(members, "anna")


@pytest.fixture
def page(members: Server, visits: Visits) -> Page:
    """The gallery of a user."""
    return opened(members, visits)


def opened(members: Server, visits: Visits, port: int | None = None, **options: Any) -> Page:
    """The gallery of a user who has logged in, at the port of the server or of a relay."""
    made = visits.page(**options)
    data = {"name": "anna", "password": PASSWORD}
    assert made.context.request.post(url_of(members, "/api/v1/session"), data=data).ok
    made.goto(f"http://127.0.0.1:{port or members.port}/")
    return made


def named(client: httpx2.Client, name: str) -> list[dict[str, Any]]:
    """The images with this file name."""
    listed = client.get("/api/v1/images", params={"limit": "100"})
    images: list[dict[str, Any]] = listed.json()["data"]
    return [image for image in images if image["filename"] == name]


def test_dropped_files_become_images(page: Page, anna: httpx2.Client, visits: Visits) -> None:
    """Each with its name as text; what the server refuses has the server's reason.

    A frame announces the drop. A picture of the page that is dragged is not a file to upload.
    """
    drag(page, fresh("a.jpg"), types=("dragenter", "dragover"))
    expect(page.locator(".drop-zone")).to_be_visible()
    drag(page, types=("dragleave",))
    expect(page.locator(".drop-zone")).to_be_hidden()
    drag(page, fresh("a.jpg"), types=("dragstart", "dragenter", "dragover", "drop", "dragend"))
    expect(page.locator(".upload-row")).to_have_count(0)
    visits.expect_error("status of 4(15|22)")
    page.evaluate(COLLECT_EVENTS)
    refused = (
        jpeg("cut.jpg", picture(999)[:2000]),
        jpeg("diary.jpg", TEXT),
        jpeg("large.jpg", bytes(400_000)),
    )

    drop(page, fresh("sea.jpg"), fresh(HOSTILE), *refused)

    expect(row(page, "sea.jpg")).to_contain_text("Uploaded")
    expect(row(page, HOSTILE)).to_contain_text("Uploaded")
    expect(row(page, "cut.jpg")).to_contain_text("The JPEG file is truncated")
    expect(row(page, "cut.jpg")).to_contain_text("Request ")
    expect(row(page, "diary.jpg")).to_contain_text("Not an image of a known format")
    expect(row(page, "large.jpg")).to_contain_text("This server accepts up to")
    expect(page.get_by_role("status").first).to_have_text("2 pictures were uploaded. 3 failed")
    expect(page.locator(".upload-total")).to_contain_text("2 of 5 done")
    assert violations(page) == []
    (image,) = named(anna, "sea.jpg")
    assert image["visibility"] == "private"
    expect(row(page, "sea.jpg").get_by_role("link")).to_have_attribute(
        "href", f"/view/{image['id']}"
    )
    assert sorted(page.evaluate("window.uploaded")) == [HOSTILE.replace("\u202e", ""), "sea.jpg"]
    assert page.evaluate("window.hacked") is None
    page.get_by_role("button", name="Remove finished").click()
    expect(page.locator(".upload-row")).to_have_count(3)
    page.get_by_role("button", name="Remove all ended").click()
    expect(page.locator(".upload-row")).to_have_count(0)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Escape")
    expect(page.locator(".upload-panel")).to_be_hidden()


@pytest.mark.breadth
def test_a_folder_of_1001_files_is_read_to_its_end(page: Page, visits: Visits) -> None:
    """The browser gives 100 entries at a time; hidden files and films stay outside."""
    visits.expect_error("ERR_INTERNET_DISCONNECTED")
    page.keyboard.press("u")
    expect(page.locator(".upload-panel")).to_be_focused()
    page.context.set_offline(True)

    drop_folder(page, 1_001)

    expect(page.locator(".message")).to_have_text("2 files are no pictures and were left out.")
    expect(page.locator(".upload-total")).to_contain_text("0 of 1,001 done")
    expect(page.get_by_role("status").first).to_contain_text("1,001 files were added")
    expect(page.locator(".upload-notice")).to_contain_text("There is no connection")
    expect(page.locator(".upload-row")).to_have_count(200)
    expect(page.locator(".upload-more")).to_have_text("801 more uploads")
    page.get_by_role("button", name="Cancel all").click()
    expect(page.locator(".upload-row")).to_have_count(0)


def test_a_cut_network_makes_one_image(
    members: Server, anna: httpx2.Client, visits: Visits
) -> None:
    """Twice the response is lost, once the request: the tray tries again by itself."""
    visits.expect_error("ERR_")
    relay = Relay(members.port)
    page = opened(members, visits, relay.port)

    relay.cuts += ["response", "request", "response"]
    choose(page, fresh("storm.jpg"))

    expect(row(page, "storm.jpg")).to_contain_text("Uploaded")
    assert relay.cuts == []
    assert len(named(anna, "storm.jpg")) == 1
    relay.close()


@pytest.mark.breadth
def test_files_wait_until_there_is_a_network(page: Page, visits: Visits) -> None:
    """Nothing has to be clicked when it is back."""
    visits.expect_error("ERR_INTERNET_DISCONNECTED")
    page.keyboard.press("u")
    expect(page.locator(".upload-panel")).to_be_visible()
    page.context.set_offline(True)
    choose(page, fresh("train.jpg"), fresh("tunnel.jpg"))
    expect(page.locator(".upload-notice")).to_contain_text("There is no connection")

    page.context.set_offline(False)

    expect(page.locator(".upload-total")).to_contain_text("2 of 2 done")


@pytest.mark.breadth
def test_a_busy_server_is_asked_again_later(members: Server, visits: Visits) -> None:
    """After the time that it says, not before; a pause and its end do not change that."""
    page = opened(members, visits, is_shared=False)
    visits.expect_error("status of 503")
    refusals = [{"status": 503, "headers": {"retry-after": "600"}, "body": "{}"}]

    def refuse_once(route: Route) -> None:
        if refusals:
            route.fulfill(**refusals.pop())  # type: ignore[arg-type]
        else:
            route.continue_()

    page.route("**/api/v1/images", refuse_once)
    page.clock.install()
    choose(page, fresh("queue.jpg"))
    expect(page.locator(".upload-notice")).to_contain_text("The server asks to wait")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".upload-notice")).to_have_text("The uploads are paused.")
    page.get_by_role("button", name="Continue").click()
    expect(page.locator(".upload-notice")).to_contain_text("The server asks to wait")
    assert refusals == []

    page.clock.fast_forward(600_000)
    expect(row(page, "queue.jpg")).to_contain_text("Uploaded")


@pytest.mark.breadth
def test_a_file_is_not_sent_twice_unless_it_is_wanted(page: Page, anna: httpx2.Client) -> None:
    """The same bytes in one drop, with other names."""
    first = fresh("one.jpg")
    choose(page, first, {**first, "name": "same.jpg"})
    expect(row(page, "same.jpg")).to_contain_text("The same as one.jpg")
    expect(row(page, "one.jpg")).to_contain_text("Uploaded")
    assert named(anna, "same.jpg") == []

    row(page, "same.jpg").get_by_role("button", name="Upload anyway").click()

    expect(row(page, "same.jpg")).to_contain_text("Uploaded")
    assert len(named(anna, "same.jpg")) == 1
    page.get_by_role("button", name="Remove finished").click()
    expect(page.locator(".upload-row")).to_have_count(0)
    expect(page.locator(".upload-panel")).to_be_focused()


@pytest.mark.breadth
def test_a_picture_of_before_is_linked(page: Page, anna: httpx2.Client) -> None:
    """The server knows its digest; also in the trash."""
    known, trashed = fresh("known.jpg"), fresh("trashed.jpg")
    ids = []
    for file in (known, trashed):
        files = {"file": (file["name"], file["buffer"])}
        ids.append(anna.post("/api/v1/images", files=files).json()["id"])
    anna.post("/api/v1/images/actions/trash", json={"ids": ids[1:]})

    choose(page, known, trashed)

    expect(row(page, "known.jpg")).to_contain_text("You have this picture already")
    expect(row(page, "known.jpg").get_by_role("link")).to_have_attribute("href", f"/view/{ids[0]}")
    expect(row(page, "trashed.jpg")).to_contain_text("This picture is in the trash")
    expect(page.get_by_role("status").first).to_have_text("2 were there already.")
    assert len(named(anna, "known.jpg")) == 1


@pytest.mark.breadth
def test_a_picture_of_before_is_put_into_the_collection_of_the_page(
    page: Page, anna: httpx2.Client
) -> None:
    """Where it is in another one, it is offered to be moved."""
    free, taken = fresh("free.jpg"), fresh("taken.jpg")
    here, other = (
        anna.post("/api/v1/collections", json={"title": title}).json()["id"]
        for title in ("Here", "Other")
    )
    for file, data in ((free, {}), (taken, {"collection_id": other})):
        sent = anna.post(
            "/api/v1/images", files={"file": (file["name"], file["buffer"])}, data=data
        )
        assert sent.status_code == 201
    page.goto(f"{page.url}collections/{here}")
    page.get_by_role("button", name="Upload pictures").click()

    choose(page, free, taken)

    expect(row(page, "free.jpg")).to_contain_text("It is in the collection now")
    expect(row(page, "taken.jpg")).to_contain_text("in another collection")
    expect(page.locator(".tile")).to_have_count(1)
    assert named(anna, "taken.jpg")[0]["collection_id"] == other
    row(page, "taken.jpg").get_by_role("button", name="Move it here").click()
    expect(row(page, "taken.jpg")).to_contain_text("It is in the collection now")
    expect(page.locator(".tile")).to_have_count(2)
    found = [named(anna, file["name"]) for file in (free, taken)]
    assert [[image["collection_id"] for image in images] for images in found] == [[here], [here]]


@pytest.mark.breadth
def test_pasted_pictures_and_addresses_become_images(
    page: Page, anna: httpx2.Client, remote: Remote, visits: Visits
) -> None:
    """A copied picture has the time in its name; a failed import has the server's reason."""
    visits.expect_error("status of 422")
    found = remote.url("/found.jpg", answered(fresh("found.jpg")["buffer"]))
    missing = remote.url("/missing.jpg")

    paste(page, file=fresh("image.jpg"))
    paste(page, text=found)
    page.get_by_label("Address of a picture").fill(missing)
    page.get_by_role("button", name="Import").click()

    expect(page.get_by_role("link", name=re.compile("^pasted-2.*jpg$"))).to_be_visible()
    expect(row(page, found)).to_contain_text("Uploaded")
    expect(row(page, missing)).to_contain_text("404")
    assert len(named(anna, "found.jpg")) == 1


@pytest.mark.breadth
def test_the_tray_goes_on_after_another_log_in(members: Server, page: Page, visits: Visits) -> None:
    """A session may end while the page is open."""
    visits.expect_error("status of 401")
    visits.expect_error("status of 404")  # private pictures that are still being loaded
    session = url_of(members, "/api/v1/session")
    page.keyboard.press("u")
    assert page.context.request.delete(session).ok

    choose(page, fresh("late.jpg"))

    expect(page.locator(".upload-notice")).to_contain_text("Your session has ended.")
    data = {"name": "anna", "password": PASSWORD}
    assert page.context.request.post(session, data=data).ok
    page.get_by_role("button", name="Continue").click()
    expect(row(page, "late.jpg")).to_contain_text("Uploaded")


@pytest.mark.breadth
def test_visibility_and_collection_are_chosen(page: Page, anna: httpx2.Client) -> None:
    """For the files that are added afterwards; private is the default."""
    title = "<b>Trip</b>"
    collection = anna.post("/api/v1/collections", json={"title": title}).json()
    page.keyboard.press("u")
    page.get_by_label("Collection").select_option(label=title)
    page.get_by_label("Visible to").select_option("public")

    choose(page, fresh("public.jpg"))

    expect(row(page, "public.jpg")).to_contain_text("Uploaded")
    (image,) = named(anna, "public.jpg")
    assert (image["visibility"], image["collection_id"]) == ("public", collection["id"])


@pytest.mark.breadth
def test_rows_outlast_the_page_and_lost_files_go_on(
    members: Server, visits: Visits, anna: httpx2.Client
) -> None:
    """The page asks before it is left; the file that is chosen again makes one image."""
    page = opened(members, visits, is_shared=False)
    first, second = fresh("kept.jpg"), fresh("lost.jpg")
    choose(page, first)
    expect(row(page, "kept.jpg")).to_contain_text("Uploaded")
    page.route("**/api/v1/images", lambda _route: None)
    choose(page, second)
    expect(row(page, "lost.jpg").get_by_role("progressbar")).to_be_visible()
    asked: list[str] = []

    def accept(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", accept)
    page.locator(".upload-header").click()

    page.goto(url_of(members, "/"))
    page.unroute("**/api/v1/images")

    assert asked == ["beforeunload"]
    page.keyboard.press("u")
    expect(row(page, "kept.jpg").get_by_role("link")).to_be_visible()
    expect(row(page, "lost.jpg")).to_contain_text("Choose the file again")
    page.keyboard.press("Escape")
    expect(page.locator(".upload-panel")).to_be_hidden()
    expect(page.get_by_role("button", name="Upload", exact=True)).to_be_focused()
    choose(page, second)
    expect(row(page, "lost.jpg").last).to_contain_text("Uploaded")
    assert len(named(anna, "lost.jpg")) == 1


@pytest.mark.breadth
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_axe_finds_nothing_in_the_tray(members: Server, visits: Visits, direction: str) -> None:
    """With rows of several states; on a phone, nothing is wider than the screen."""
    visits.expect_error("status of 415")
    is_narrow = direction == "rtl"
    page = opened(
        members, visits, is_right_to_left=is_narrow, has_touch=is_narrow,
        viewport=NARROW if is_narrow else WIDE,
    )  # fmt: skip
    first = fresh(f"{direction}.jpg")
    choose(page, first, {**first, "name": "twin.jpg"}, jpeg(f"{HOSTILE}.txt", TEXT))
    expect(page.locator(".upload-total")).to_contain_text("2 of 3 done")
    expect(page.locator(".upload-total")).to_contain_text("1 failed")

    assert axe_violations(page) == []
    if is_narrow:
        assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]


@pytest.mark.breadth
def test_new_pictures_appear_in_the_timeline(page: Page, anna: httpx2.Client) -> None:
    """Above the others, after nothing is selected any more; the focus stays at its picture."""
    anna.post("/api/v1/images", files={"file": ("old.jpg", fresh("old.jpg")["buffer"])})
    page.reload()
    tile = page.locator(".tile[data-index='0']")
    old = tile.locator("a").get_attribute("href")
    tile.locator("a").focus()
    page.keyboard.press("x")
    paste(page, file=fresh("new.jpg"))
    expect(row(page, "new.jpg")).to_contain_text("Uploaded")
    expect(page.locator(".selection-bar")).to_be_visible()
    assert tile.locator("a").get_attribute("href") == old

    page.keyboard.press("Escape")

    (image,) = named(anna, "new.jpg")
    expect(tile.locator("a")).to_have_attribute("href", f"/view/{image['id']}")
    expect(page.locator(".tile[data-index='1'] a")).to_be_focused()
    assert page.locator(":focus").get_attribute("href") == old


@pytest.mark.breadth
def test_the_first_picture_replaces_the_notice(gallery: Server, visits: Visits) -> None:
    """Without accounts, pictures are public; this server may not import from addresses."""
    page = visits.open(gallery)
    expect(page.get_by_role("heading", name="No pictures yet")).to_be_visible()
    page.get_by_role("button", name="Upload pictures").click()
    expect(page.get_by_role("region", name="Upload")).to_be_focused()

    choose(page, fresh("first.jpg"))

    expect(page.locator(".tile")).to_have_count(1)
    expect(page.get_by_role("heading", name="No pictures yet")).to_be_hidden()
    assert gallery.client.get("/api/v1/images").json()["data"][0]["visibility"] == "public"
    paste(page, text="https://example.com/a.jpg")
    expect(page.locator(".message")).to_contain_text("allow_url_import")


@pytest.mark.breadth
def test_visitors_and_programs_have_no_tray(members: Server, visits: Visits) -> None:
    """The page of the log-in neither shows nor loads it."""
    page = visits.open(members, "/login")

    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    expect(page.locator("#upload, #uploads, script[src*='upload']")).to_have_count(0)
