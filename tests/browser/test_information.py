"""What the information about a picture leads to: the place on a map, and similar pictures."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.browser.pages import Visits
from tests.http.asking import noise, picture
from tests.server import Server

PLACE = 0x8825
MUNICH = {1: "N", 2: (48.0, 8.0, 12.0), 3: "E", 4: (11.0, 34.0, 30.0)}


@dataclass(frozen=True, slots=True)
class Pictures:
    """The ids of three images."""

    with_place: str
    similar: str
    other: str


@pytest.fixture(scope="module")
def pictures(gallery: Server) -> Pictures:
    """One with a place, a smaller copy without it, and one that looks different."""
    made = []
    for number, content in enumerate((placed(), picture(1, (900, 600)), noise((900, 600)))):
        image = gallery.upload(content, f"{number}.jpg")
        gallery.finished(image["job"]["id"])
        made.append(image["id"])
    return Pictures(*made)


def placed() -> bytes:
    """A photograph that names its place."""
    exif, out = Image.Exif(), io.BytesIO()
    exif.get_ifd(PLACE).update(MUNICH)
    Image.open(io.BytesIO(picture(1, (1200, 800)))).save(out, "JPEG", quality=90, exif=exif)
    return out.getvalue()


def panel(page: Page) -> Locator:
    """The information about the picture in the viewer."""
    return page.get_by_role("complementary", name="Information")


@pytest.mark.breadth
def test_a_place_leads_to_a_map_that_learns_no_address(
    visits: Visits, gallery: Server, pictures: Pictures
) -> None:
    """Only a picture that has a place; the map opens in a tab without a referrer."""
    page = visits.open(gallery, f"/view/{pictures.with_place}")
    page.get_by_role("button", name="Information").click()

    link = panel(page).get_by_role("link", name="48.1367, 11.5750")
    expect(link).to_have_attribute(
        "href", re.compile(r"^https://www\.openstreetmap\.org/\?mlat=48\.13\d+&mlon=11\.57")
    )
    expect(link).to_have_attribute("target", "_blank")
    expect(link).to_have_attribute("rel", "noopener noreferrer")


@pytest.mark.breadth
def test_similar_pictures_are_shown_and_searched(
    visits: Visits, gallery: Server, pictures: Pictures
) -> None:
    """They open in the same viewer; all of them are a search with a chip."""
    page = visits.open(gallery, f"/view/{pictures.with_place}")
    page.evaluate("window.isKept = true")
    page.get_by_role("button", name="Information").click()
    similar = panel(page).locator(".similar li a")
    expect(similar).to_have_count(1)
    similar.click()
    expect(page).to_have_url(re.compile(f"/view/{pictures.similar}$"))
    expect(similar).to_have_attribute("href", f"/view/{pictures.with_place}")
    expect(panel(page).locator("dt").filter(has_text="Place")).to_have_count(0)
    assert page.evaluate("window.isKept")

    panel(page).get_by_role("link", name="Show all similar pictures").click()
    expect(page.locator(".term-text")).to_have_text("Similar pictures")
    expect(page.locator(".term-text img")).to_have_js_property("complete", value=True)
    expect(page.locator(".tile a")).to_have_attribute("href", f"/view/{pictures.with_place}")

    page.goto(page.url.replace(pictures.similar, pictures.other))
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
    expect(page.locator(".found")).to_have_text("0 pictures")


@pytest.mark.breadth
def test_pictures_are_compared_once_they_are_analysed(
    visits: Visits, gallery: Server, pictures: Pictures
) -> None:
    """Until then the API refuses the search."""
    page = visits.open(gallery, "/", is_shared=False)
    asked: list[str] = []
    page.on("request", lambda sent: asked.append(sent.url) if "similar%3A" in sent.url else None)
    details = gallery.client.get(f"/api/v1/images/{pictures.with_place}").json()
    unknown = details | {"phash": None}
    page.route(f"**/api/v1/images/{pictures.with_place}", lambda it: it.fulfill(json=unknown))
    page.clock.install()
    page.goto(f"{page.url}view/{pictures.with_place}")

    page.get_by_role("button", name="Information").click()
    expect(panel(page).locator("dt").filter(has_text="Place")).to_have_count(1)
    page.clock.fast_forward(1000)  # longer than a picture is shown before others are searched for
    page.keyboard.press("ArrowLeft")

    expect(panel(page).get_by_role("heading", name="Similar pictures")).to_be_visible()
    assert asked
    assert not any(pictures.with_place in url for url in asked)
