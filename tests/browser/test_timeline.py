"""The timeline: any picture can be reached, and selected, by pointer and keyboard."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from benchmarks.population import Spread, populate
from tests.browser.contexts import EMPTY, Contexts
from tests.browser.pages import (
    DIRECTIONS,
    NARROW,
    ONE_PICTURE,
    Visits,
    axe_violations,
    url_of,
    violations,
)
from tests.conftest import MakeServer
from tests.http.asking import picture
from tests.server import Server
from tests.waiting import until

IMAGES, CROWD = 3_000, 100_000
FEW = 300
"""Tiles in the document at most."""


def library_of(folder: Path, images: int) -> Server:
    """A server with many rows of images that have no files."""
    folder.mkdir()
    secret = folder / "secret.key"
    secret.touch(0o600)
    secret.write_text(64 * "0")
    populate(folder / "imagesvc.db", images, Spread(years=3))
    return Server(folder).start()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with thousands of images."""
    server = library_of(tmp_path_factory.mktemp("library") / "data", IMAGES)
    yield server
    server.close()


@pytest.fixture(scope="module")
def timeline_page(contexts: Contexts, library: Server) -> Iterator[Page]:
    """One page for tests that begin at the top, with nothing selected."""
    visits = Visits(contexts)
    yield opened(visits, library, is_shared=False)
    visits.close()
    assert visits.errors == []


@pytest.fixture(scope="module")
def uncached_page(contexts: Contexts) -> Iterator[Page]:
    """A page without a cache, so that pictures come after the layout."""
    visits = Visits(contexts)
    page = visits.page(is_shared=False)
    page.add_init_script(LATE_RESIZES)
    shown = picture(1, (60, 40))
    page.route(
        re.compile("/images/[0-9a-f]{8}-"),
        lambda route: route.fulfill(body=shown, content_type="image/jpeg"),
    )
    yield page
    visits.close()
    assert visits.errors == []


@pytest.fixture
def slow_page(uncached_page: Page, library: Server) -> Page:
    """The timeline on that page, at its top."""
    uncached_page.goto(url_of(library, EMPTY))  # a visit of the same address would be a reload
    uncached_page.goto(url_of(library, "/"))
    tile(uncached_page, 0).wait_for()
    return uncached_page


@pytest.fixture
def page(timeline_page: Page) -> Page:
    """The page at its top, as it was opened."""
    timeline_page.keyboard.press("Escape")
    timeline_page.evaluate("() => { document.activeElement.blur(); scrollTo(0, 0); }")
    expect(tile(timeline_page, 0)).to_be_in_viewport()
    return timeline_page


def opened(visits: Visits, server: Server, path: str = "/", **options: Any) -> Page:
    """The timeline of a library, with one picture for all images, which have no files."""
    page = visits.open(server, path, **{"scripts": (ONE_PICTURE,), **options})
    tile(page, 0).wait_for()
    return page


def tile(page: Page, index: int) -> Locator:
    """The tile of a picture, by its place in the timeline."""
    return page.locator(f".tile[data-index='{index}']")


def top_of(page: Page, index: int) -> float:
    """The pixels from the upper edge of the window to a tile."""
    box = tile(page, index).bounding_box()
    assert box is not None
    return box["y"]


def selected(page: Page) -> list[int]:
    """The places of the selected tiles in the document."""
    found: list[int] = page.evaluate(
        "[...document.querySelectorAll('.tile.selected')].map((it) => Number(it.dataset.index))"
    )
    return sorted(found)


def focused(page: Page) -> int:
    """The place of the picture that has the focus; -1 if none has it."""
    found: int = page.evaluate(
        "Number(document.activeElement?.closest('.tile')?.dataset.index ?? -1)"
    )
    return found


def press(page: Page, *keys: str) -> int:
    """Press keys, one after the other; returns the picture with the focus."""
    for key in keys:
        before = focused(page)
        page.keyboard.press(key)
        page.wait_for_function(
            "(before) => Number(document.activeElement?.closest('.tile')?.dataset.index ?? -1)"
            " !== before",
            arg=before,
        )
    return focused(page)


def test_months_have_headings_with_counts(page: Page, library: Server) -> None:
    """The newest month is the first one; the counts are those of the API."""
    timeline = library.client.get("/api/v1/timeline").json()

    heading = page.locator(".month h2").first
    assert sum(timeline["counts"]) == timeline["total"] == IMAGES
    expect(heading).to_contain_text(timeline["months"][0][:4])
    expect(heading.locator("span")).to_have_text(str(timeline["counts"][0]))


def test_headings_and_tiles_are_in_the_order_of_reading(page: Page) -> None:
    """Also after scrolling there and back; each month is a heading and a list of its pictures."""
    for part in (0.4, 0.3, 0.6, 0.2):
        page.evaluate("(part) => scrollTo(0, part * document.documentElement.scrollHeight)", part)
        page.wait_for_function(SHOWS_PICTURES)
    page.get_by_role("slider").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    page.evaluate("scrollBy(0, -300)")  # to the end of the first month
    page.wait_for_function(SHOWS_PICTURES)

    found = page.evaluate(READ)

    assert len(found) >= 2
    assert [place for place, _names, _sizes in found] == sorted(place for place, *_ in found)
    for _place, names, sizes in found:
        assert names == sorted(names)
        assert len(names) <= sizes
    indexes = [name for _place, names, _sizes in found for name in names]
    assert indexes == sorted(indexes)
    assert len(indexes) > 10


READ = """() => [...document.querySelectorAll(".month")].map((month) => {
  const [heading, list] = month.children;
  if (list.getAttribute("aria-labelledby") !== heading.id) throw new Error(heading.id);
  const tiles = [...list.children];
  const top = heading.getBoundingClientRect().top;
  return [
    top, tiles.map((it) => Number(it.dataset.index)),
    Number(tiles[0]?.getAttribute("aria-setsize") ?? 0),
  ];
})"""


def test_the_oldest_picture_is_reached_with_few_tiles(page: Page) -> None:
    """Scrolling and the key End both lead to it; the document never has all tiles."""
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    page.wait_for_function(  # months that are loaded on the way correct the height
        f"""() => {{
          scrollTo(0, document.documentElement.scrollHeight);
          return document.querySelector(".tile[data-index='{IMAGES - 1}']");
        }}"""
    )
    assert page.locator(".tile").count() <= FEW

    assert press(page, "Home") == 0
    assert press(page, "End") == IMAGES - 1
    expect(tile(page, IMAGES - 1)).to_be_in_viewport()
    assert page.locator(".tile").count() <= FEW


def test_arrows_move_to_the_next_picture_of_the_direction(page: Page) -> None:
    """Across rows and months; the focus stays visible, below the header."""
    assert press(page, "ArrowRight") == 0  # nothing had the focus: the first one visible gets it
    assert press(page, "ArrowRight", "ArrowRight") == 2
    below = press(page, "ArrowDown")
    boxes = [tile(page, index).bounding_box() for index in (2, below)]
    assert boxes[0] is not None
    assert boxes[1] is not None
    assert boxes[1]["y"] > boxes[0]["y"]
    assert boxes[1]["x"] < boxes[0]["x"] + boxes[0]["width"]
    assert boxes[0]["x"] < boxes[1]["x"] + boxes[1]["width"]
    assert press(page, "ArrowLeft") == below - 1

    far = press(page, "PageDown")
    assert far > below + 5
    expect(tile(page, far)).to_be_in_viewport(ratio=0.9)
    assert press(page, "PageUp") < far


@pytest.mark.breadth
def test_the_focus_turns_with_the_direction_of_the_text(visits: Visits, library: Server) -> None:
    """From right to left, the left arrow leads to the next picture."""
    page = opened(visits, library, is_right_to_left=True)

    assert press(page, "ArrowLeft", "ArrowLeft", "ArrowLeft") == 2
    boxes = [tile(page, index).bounding_box() for index in (0, 1)]
    assert boxes[0] is not None
    assert boxes[1] is not None
    assert boxes[0]["x"] > boxes[1]["x"]


def test_check_marks_and_ranges_select(page: Page) -> None:
    """A click on a check mark, and with Shift all from there; Esc ends it."""
    tile(page, 1).locator(".check").click()
    assert selected(page) == [1]

    tile(page, 5).locator("a").click(modifiers=["Shift"])
    expect(page.get_by_role("toolbar")).to_contain_text("5 pictures selected")
    assert selected(page) == [1, 2, 3, 4, 5]
    assert violations(page) == []

    tile(page, 3).locator("a").click()  # while pictures are selected, a click selects
    assert selected(page) == [1, 2, 4, 5]
    page.keyboard.press("Escape")
    assert selected(page) == []
    expect(page.get_by_role("toolbar")).to_be_hidden()
    assert page.url.endswith("/")


@pytest.mark.breadth
def test_a_range_includes_months_that_were_not_loaded(page: Page, library: Server) -> None:
    """The keyboard selects from the first to the last picture; few of them have tiles."""
    press(page, "Home")
    page.keyboard.press("x")

    page.keyboard.press("Shift+End")

    expect(page.get_by_role("toolbar")).to_contain_text(f"{IMAGES:,} pictures selected")
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight / 2)")
    page.wait_for_function(SHOWS_PICTURES)
    assert 10 < page.locator(".tile").count() <= FEW
    assert library.client.get("/api/v1/timeline").json()["total"] == IMAGES


def test_a_drag_over_tiles_selects_them(page: Page) -> None:
    """It begins at a check mark; going back shrinks the range."""
    first, last = tile(page, 0).bounding_box(), tile(page, 2).bounding_box()
    assert first is not None
    assert last is not None
    page.mouse.move(first["x"] + 20, first["y"] + 20)
    page.mouse.down()
    page.mouse.move(last["x"] + 30, last["y"] + 60, steps=8)
    assert selected(page) == [0, 1, 2]
    page.mouse.move(first["x"] + 60, first["y"] + 60, steps=8)
    page.mouse.up()

    assert selected(page) == [0]


def test_a_rectangle_selects_what_it_touches(page: Page) -> None:
    """It begins beside the pictures: here in the heading of the month."""
    box = tile(page, 0).bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 5, box["y"] - 10)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] + 30, box["y"] + 30, steps=5)
    expect(page.locator(".rectangle")).to_be_visible()
    page.mouse.up()

    assert selected(page) == [0, 1]
    expect(page.locator(".rectangle")).to_be_hidden()


def test_all_are_selected_by_the_query(page: Page) -> None:
    """Also those that have never been loaded, without loading them."""
    page.wait_for_function(SHOWS_PICTURES)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))

    page.keyboard.press("Control+a")

    expect(page.get_by_role("toolbar")).to_contain_text(f"{IMAGES:,} pictures selected")
    tile(page, 1).locator(".check").click()
    expect(page.get_by_role("toolbar")).to_contain_text(f"{IMAGES - 1:,} pictures selected")
    assert [url for url in requests if "/api/" in url] == []


def test_selected_pictures_go_to_the_trash_and_come_back(page: Page, library: Server) -> None:
    """Some by id, from two months; undo waits while it is used, and puts them back."""
    page.clock.install()
    address = tile(page, 2).locator("a").get_attribute("href")
    assert address is not None
    for index in (0, 2, 5):
        tile(page, index).locator(".check").click()

    page.get_by_role("button", name="Move to the trash").click()

    expect(page.locator("#messages")).to_contain_text("3 pictures are in the trash.")
    expect(tile(page, 2).locator("a")).not_to_have_attribute("href", address)
    assert library.client.get("/api/v1/timeline").json()["total"] == IMAGES - 3
    undo = page.get_by_role("button", name="Undo")
    undo.hover()
    page.clock.fast_forward(11_000)
    undo.focus()
    page.mouse.move(0, 0)
    page.clock.fast_forward(11_000)
    undo.click()
    expect(tile(page, 2).locator("a")).to_have_attribute("href", address)
    assert library.client.get("/api/v1/timeline").json()["total"] == IMAGES


@pytest.mark.breadth
def test_all_pictures_go_to_the_trash_by_the_query(page: Page, library: Server) -> None:
    """One request names no id; undo names them all."""
    address = tile(page, 0).locator("a").get_attribute("href")
    assert address is not None
    page.keyboard.press("Control+a")

    with page.expect_request("**/actions/trash") as sent:
        page.get_by_role("button", name="Move to the trash").click()

    assert sent.value.post_data_json == {"q": "", "filter": {}}
    expect(page.locator("#messages")).to_contain_text(f"{IMAGES:,} pictures are in the trash.")
    expect(page.locator(".tile")).to_have_count(0)
    assert library.client.get("/api/v1/timeline").json()["total"] == 0
    page.get_by_role("button", name="Undo").click()
    expect(tile(page, 0).locator("a")).to_have_attribute("href", address)
    assert library.client.get("/api/v1/timeline").json()["total"] == IMAGES


def test_selected_pictures_become_favourites(page: Page, library: Server) -> None:
    """Those that were selected, and no others."""
    for index in (1, 3):
        tile(page, index).locator(".check").click()

    page.get_by_role("button", name="Mark as favourites").click()

    expect(page.locator(".badge.favourite")).to_have_count(2)
    expect(page.get_by_role("toolbar")).to_be_hidden()
    found = library.client.get("/api/v1/timeline", params={"favourite": "true"}).json()
    assert found["total"] == 2


@pytest.mark.breadth
def test_a_large_selection_is_downloaded_in_parts(page: Page, library: Server) -> None:
    """A ZIP file has 1,000 of the pictures that are named, and one link leads to each."""
    press(page, "Home")
    page.keyboard.press("x")
    page.keyboard.press("Shift+End")
    expect(page.get_by_role("toolbar")).to_contain_text(f"{IMAGES:,} pictures selected")
    tile(page, IMAGES - 1).locator(".check").click()
    page.get_by_role("button", name="Download as ZIP").click()
    dialog = page.get_by_role("dialog", name="Download as ZIP")

    dialog.get_by_role("button", name="Download").click()

    parts = dialog.locator(".archive-parts li")
    expect(parts).to_have_count(3)
    expect(parts.last).to_contain_text("999 pictures")
    urls = [part.locator("a").get_attribute("href") for part in parts.all()]
    assert len(set(urls)) == 3
    for url in urls:
        assert url is not None
        with library.client.stream("GET", url) as answer:
            assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    page.keyboard.press("Escape")


@pytest.mark.breadth
def test_the_scrubber_leads_to_months_and_years(page: Page, library: Server) -> None:
    """Its value is the month in the window, in words."""
    months = library.client.get("/api/v1/timeline").json()["months"]
    slider = page.get_by_role("slider")
    slider.focus()

    page.keyboard.press("ArrowDown")
    expect(slider).to_have_attribute("aria-valuenow", "1")
    page.keyboard.press("PageDown")
    year = next(at for at, month in enumerate(months) if month[:4] < months[1][:4])
    expect(slider).to_have_attribute("aria-valuenow", str(year))
    expect(slider).to_have_attribute("aria-valuetext", re.compile(months[year][:4]))
    page.keyboard.press("End")
    expect(slider).to_have_attribute("aria-valuenow", str(len(months) - 1))
    page.keyboard.press("Home")
    expect(slider).to_have_attribute("aria-valuenow", "0")
    expect(tile(page, 0)).to_be_in_viewport()


@pytest.mark.breadth
def test_a_drag_of_the_scrubber_scrolls(page: Page) -> None:
    """To the end of the timeline at the end of the track."""
    track = page.locator(".scrubber").bounding_box()
    assert track is not None
    page.mouse.move(track["x"] + 50, track["y"] + 5)
    page.mouse.down()
    page.mouse.move(track["x"] + 50, track["y"] + track["height"], steps=10)
    page.mouse.up()

    page.wait_for_function(
        "() => scrollY > 0.9 * (document.documentElement.scrollHeight - innerHeight)"
    )


@pytest.mark.breadth
def test_the_position_is_kept_on_the_way_back(slow_page: Page, library: Server) -> None:
    """After another page, and after a reload."""
    page = slow_page
    page.evaluate("scrollTo(0, 6000)")
    page.wait_for_function(SHOWS_PICTURES)
    seen = page.evaluate(FIRST_VISIBLE)
    assert seen > 0
    page.goto(url_of(library, EMPTY))

    page.go_back()

    page.wait_for_function(f"(seen) => ({FIRST_VISIBLE}) === seen", arg=seen)
    page.reload()
    page.wait_for_function(f"(seen) => ({FIRST_VISIBLE}) === seen", arg=seen)


@pytest.mark.breadth
def test_a_resize_that_is_noticed_late_does_not_move_the_pictures(slow_page: Page) -> None:
    """A busy browser tells the page late that the scrubber has made the grid narrower."""
    page = slow_page
    page.evaluate("scrollTo(0, 6000)")
    page.wait_for_function(SHOWS_PICTURES)
    seen = page.evaluate(FIRST_VISIBLE)
    page.evaluate("history.replaceState({ areResizesLate: true }, '')")
    page.reload()
    tile(page, seen).wait_for()
    box = tile(page, seen).bounding_box()

    assert page.evaluate("deliverResizes()") > 0

    assert page.evaluate(FIRST_VISIBLE) == seen
    assert tile(page, seen).bounding_box() == box


@pytest.mark.breadth
def test_pictures_stay_when_the_month_above_them_is_loaded_last(
    slow_page: Page, library: Server
) -> None:
    """Its last row is below the header, and its height was an estimate."""
    timeline = library.client.get("/api/v1/timeline").json()
    month, first = timeline["months"][1], sum(timeline["counts"][:2])
    page = slow_page
    page.get_by_role("slider").focus()
    for _ in range(2):
        page.keyboard.press("ArrowDown")
    tile(page, first).wait_for()
    page.evaluate("scrollBy(0, 16)")
    held: list[Route] = []
    above = re.compile(f"timeline/{month}")
    page.route(  # playwright marks the handler, which a method of a list does not allow
        above,
        lambda route: held.append(route),  # noqa: PLW0108
    )
    page.reload()
    tile(page, first).wait_for()
    before = top_of(page, first)
    until(lambda: page.wait_for_function("true") and held)

    held[0].continue_()
    tile(page, first - 1).wait_for()

    page.unroute(above)
    assert top_of(page, first) == pytest.approx(before, abs=1)


LATE_RESIZES = """
if (history.state?.areResizesLate) window.ResizeObserver = class extends ResizeObserver {
  static late = [];
  constructor(notice) { super((...found) => ResizeObserver.late.push(() => notice(...found))); }
};
window.deliverResizes = () => ResizeObserver.late.splice(0).map((deliver) => deliver()).length;
"""
SHOWS_PICTURES = """() => {
  const boxes = (kind) =>
    [...document.querySelectorAll(kind)].map((it) => it.getBoundingClientRect());
  return !boxes(".blank").some(({ top, bottom }) => bottom > 0 && top < innerHeight)
    && boxes(".tile").some(({ top, bottom }) => top > 0 && bottom < innerHeight);
}"""
FIRST_VISIBLE = """Math.min(...[...document.querySelectorAll('.tile')]
  .filter((it) => it.getBoundingClientRect().bottom > 140)
  .map((it) => Number(it.dataset.index)))"""


@pytest.mark.breadth
def test_the_position_is_kept_on_the_way_back_from_a_search(slow_page: Page) -> None:
    """The search begins at its top, and the back button leads to where the pictures were left."""
    page = slow_page
    assert press(page, "End") == IMAGES - 1
    expect(tile(page, IMAGES - 1)).to_be_in_viewport()

    page.keyboard.press("/")
    page.keyboard.type("orientation:landscape")
    page.keyboard.press("Enter")
    expect(page.locator(".found")).to_be_visible()
    expect(tile(page, 0)).to_be_in_viewport()
    page.go_back()

    expect(tile(page, IMAGES - 1)).to_be_in_viewport()
    expect(page.locator(".filters")).to_be_hidden()


@pytest.mark.breadth
def test_no_picture_says_so(visits: Visits, make_server: MakeServer) -> None:
    """An empty gallery, and a search that finds nothing, are not errors."""
    server = make_server()
    page = visits.open(server)
    expect(page.get_by_role("heading", name="No pictures yet")).to_be_visible()

    page.goto(url_of(server, "/?q=nothing"))
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
    expect(page.locator(".found")).to_have_text("0 pictures")  # the last that is loaded


def test_a_failure_shows_its_reason_and_can_be_tried_again(visits: Visits, library: Server) -> None:
    """With the id of the request, which the log of the server has, too."""
    visits.expect_error("400")
    page = visits.page()
    page.route(
        re.compile("/api/v1/timeline"),
        lambda route: route.continue_(url=f"{route.request.url}&visibility=wrong"),
    )
    page.goto(url_of(library, "/?q=width:1..2"))
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("visibility")
    request_id = re.search(r"Request (\S+)", alert.inner_text())
    assert request_id is not None
    until(lambda: request_id[1] in library.log())

    page.route(re.compile("/api/v1/timeline"), answer_empty)
    page.get_by_role("button", name="Try again").click()

    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()


def answer_empty(route: Route) -> None:
    empty = {"total": 0, "rev": "", "is_exact": True, "months": [], "counts": []}
    route.fulfill(body=json.dumps(empty), content_type="application/json")


@pytest.mark.breadth
def test_a_picture_that_fails_can_be_loaded_again(gallery: Server, visits: Visits) -> None:
    """Without a reload of the page."""
    gallery.finished(gallery.upload(picture(11, (300, 200)))["job"]["id"])
    visits.expect_error("503")
    page = visits.page()
    fail = re.compile(r"/images/[0-9a-f-]+/grid")
    page.route(fail, lambda route: route.fulfill(status=503))
    page.goto(url_of(gallery, "/"))
    retry = page.get_by_role("button", name="Load again").first
    retry.wait_for()

    page.unroute(fail)
    retry.click()

    expect(page.locator(".tile.loaded")).not_to_have_count(0)


@pytest.mark.breadth
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_axe_finds_nothing_while_pictures_are_selected(
    library: Server, visits: Visits, direction: str
) -> None:
    """Tiles, check marks, the toolbar and the scrubber have roles, names and contrast."""
    page = opened(visits, library, is_right_to_left=direction == "rtl")
    press(page, "ArrowRight")
    page.keyboard.press("x")
    page.get_by_role("toolbar").wait_for()

    assert axe_violations(page) == []


@pytest.mark.breadth
def test_a_phone_selects_by_a_long_press(visits: Visits, library: Server) -> None:
    """Then by taps; nothing is wider than the screen."""
    page = opened(visits, library, viewport=NARROW, has_touch=True, is_mobile=True)
    box = tile(page, 0).bounding_box()
    assert box is not None
    touch = page.context.new_cdp_session(page)
    place = {"x": box["x"] + 30, "y": box["y"] + 60}
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [place]})
    page.locator(".tile.selected").wait_for()
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    tile(page, 1).locator("a").tap()

    expect(page.locator(".tile.selected")).to_have_count(2)
    assert selected(page) == [0, 1]
    assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]


@pytest.fixture
def crowd(tmp_path: Path) -> Iterator[Server]:
    """A server with very many images."""
    server = library_of(tmp_path / "data", CROWD)
    yield server
    server.close()


@pytest.mark.long
def test_a_hundred_thousand_pictures_are_reached(crowd: Server, visits: Visits) -> None:
    """By the key End and by the scrubber, with few tiles at all times."""
    page = opened(visits, crowd, viewport={"width": 1600, "height": 900})
    page.evaluate(COUNT_TILES)

    assert press(page, "End") == CROWD - 1
    expect(tile(page, CROWD - 1)).to_be_in_viewport()
    page.get_by_role("slider").focus()
    page.keyboard.press("PageUp")
    page.keyboard.press("Home")
    expect(tile(page, 0)).to_be_in_viewport()
    assert page.evaluate("mostTiles") <= FEW


COUNT_TILES = """() => {
  window.mostTiles = 0;
  new MutationObserver(() => {
    window.mostTiles = Math.max(window.mostTiles, document.querySelectorAll(".tile").length);
  }).observe(document.querySelector(".tiles"), {childList: true});
}"""
