"""The search box: its text, the chips below the header and the address are always the same."""

from __future__ import annotations

import contextlib
import io
import random
import re
import sqlite3
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from benchmarks.population import Spread, populate
from imagesvc.errors import InvalidQuery
from imagesvc.store.search.parser import parse
from tests.browser.pages import (
    DIRECTIONS,
    NARROW,
    ONE_PICTURE,
    Visits,
    axe_violations,
    url_of,
    violations,
)
from tests.server import Server
from tests.waiting import until

BASE = "/photos"
HOSTILE = "<img src=x onerror=hack()>"
IMAGES = (
    ("sea", "green", 2023),
    ("sea,new york", "teal", 2023),
    ("new york", "navy", 2024),
    ("beach", "orange", 2025),
    ("beach,sea", "gold", 2025),
    (HOSTILE, "gray", 2026),
)
"""Tags, colour, and year."""
COUNT_HACKS = "window.hacks = 0; window.hack = () => { window.hacks += 1; };"
FAR = 11_000
"""Images that a search has to look at before the first match."""
MODEL, DETAILS, TAKEN_AT = 0x0110, 0x8769, 0x9003
FRAGMENTS = (
    "sea", "OR", "or", "-", "-night", '"golden hour"', '-"blue hour"', 'tags:sea,"new york"',
    "tags:#a", 'title:"two words"', "desc:x", "camera:x100", 'filename:"a b"', "date:2016",
    "date:24-*-*", "from:2016", "format:png", "size:>1MB", "is:favourite", "color:#2f6b9a",
    "color:blue",     "unknown:x", "a:b", "😀", "Ü\u00a0ä", "--x",
)  # fmt: skip
"""Of queries; some words have spaces that only look like others."""
TERMS = """async ([asset, queries]) => {
  const {isNegatable, termsOf, withNegated, withTerm, withoutTerm} = await import(asset);
  return queries.map((q) => {
    const terms = termsOf(q);
    const without = terms.map((_it, index) => withoutTerm(q, index));
    const negated = terms.map((it, index) => (isNegatable(it) ? withNegated(q, index) : null));
    return [terms.map((it) => it.text), without, withTerm(q, "tags:more"), negated];
  });
}"""


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server below a path, whose images have tags, cameras and years."""
    data = tmp_path_factory.mktemp("searched") / "data"
    server = Server(data, base_path=BASE).start(f"{BASE}/readyz")
    for tags, colour, year in IMAGES:
        made = server.client.post(
            f"{BASE}/api/v1/images",
            files={"file": (f"{colour}.jpg", photo(colour, year))},
            data={"tags": tags},
        )
        assert made.status_code == 201, made.text
    until(lambda: not unfinished(server))
    yield server
    server.close()


def unfinished(server: Server) -> list[str]:
    """The images that are not analysed yet, so that no colour finds them."""
    listed = server.client.get(f"{BASE}/api/v1/images").json()["data"]
    return [image["id"] for image in listed if not image["palette"]]


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on which a search looks at many images of one month before it finds any."""
    folder = tmp_path_factory.mktemp("far") / "data"
    folder.mkdir()
    secret = folder / "secret.key"
    secret.touch(0o600)
    secret.write_text(64 * "0")
    path = folder / "imagesvc.db"
    populate(path, FAR + len(IMAGES), Spread(years=1))
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE images SET dated_at = 1800000000000000 + number")
        connection.execute(
            "UPDATE images SET bytes = 7"
            " WHERE number IN (SELECT number FROM images ORDER BY number LIMIT ?)",
            (len(IMAGES),),
        )
    server = Server(folder).start()
    yield server
    server.close()


def photo(colour: str, year: int) -> bytes:
    """A photograph of a camera, taken in June of a year."""
    exif, out = Image.Exif(), io.BytesIO()
    exif[MODEL] = "X100" if year < 2025 else "EOS 5D"
    exif.get_ifd(DETAILS)[TAKEN_AT] = f"{year}:06:01 12:00:00"
    Image.new("RGB", (900, 600), colour).save(out, "JPEG", exif=exif)
    return out.getvalue()


def address(query: str) -> re.Pattern[str]:
    """The end of the address of a search, or of all pictures."""
    return re.compile(f"{BASE}/{re.escape('?q=' + quote(query, safe=_KEPT)) if query else ''}$")


_KEPT = "!'()*~-_."
"""What `encodeURIComponent` keeps."""


def opened(visits: Visits, server: Server, query: str = "", **options: object) -> Page:
    """The timeline, or a search."""
    path = f"{BASE}/?q={quote(query)}" if query else f"{BASE}/"
    page = visits.open(server, path, **options)
    page.locator(".tile, .search-error, .notice").first.wait_for()
    return page


def box(page: Page) -> Locator:
    """The search box."""
    return page.get_by_label("Search", exact=True).and_(page.locator("input"))


def chips(page: Page) -> Locator:
    """The terms of the search."""
    return page.locator(".term-text")


def test_a_search_changes_the_pictures_without_a_reload(visits: Visits, searched: Server) -> None:
    """The box leads to it by a key; the back button leads to the search before."""
    page = opened(visits, searched, reduced_motion="no-preference")
    page.evaluate("window.isKept = true")
    expect(page.locator(".tile")).to_have_count(len(IMAGES))

    page.keyboard.press("/")
    expect(box(page)).to_be_focused()
    page.keyboard.type("tags:sea")
    page.keyboard.press("Enter")
    expect(page).to_have_url(address("tags:sea"))
    expect(page).to_have_title("tags:sea · Timeline · imagesvc")
    expect(page.locator(".tile")).to_have_count(3)
    expect(page.get_by_role("status").filter(has_text="3 pictures")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".tile[data-index='0'] a")).to_be_focused()

    page.get_by_role("button", name="beach 1").click()
    expect(page).to_have_url(address("tags:sea tags:beach"))
    expect(page.locator(".tile")).to_have_count(1)
    page.go_back()
    expect(page.locator(".tile")).to_have_count(3)
    expect(box(page)).to_have_value("tags:sea")
    page.go_back()
    expect(page).to_have_url(address(""))
    expect(page.locator(".tile")).to_have_count(len(IMAGES))
    expect(page.locator(".filters")).to_be_hidden()
    page.go_forward()
    expect(chips(page)).to_have_text(["Tag sea"])
    assert page.evaluate("window.isKept")

    expect(page.locator(".found")).to_have_text("3 pictures")
    page.locator(".tile .check").first.click()
    page.get_by_role("toolbar").wait_for()
    page.keyboard.press("Delete")
    expect(page.locator(".found")).to_have_text("2 pictures")
    page.locator("#messages").get_by_role("button", name="Undo").click()
    expect(page.locator(".found")).to_have_text("3 pictures")
    page.locator(".tile a").first.click()
    page.locator(".pswp--open").wait_for()
    page.go_back()
    expect(page.locator(".pswp")).to_have_count(0)
    expect(page).to_have_url(address("tags:sea"))
    expect(page.locator(".tile")).to_have_count(3)


@pytest.mark.breadth
def test_a_collection_is_searched_in_its_page(visits: Visits, searched: Server) -> None:
    """Of what a search finds, only the images of the collection are shown."""
    url = f"{BASE}/api/v1/collections"
    collection = searched.client.post(url, json={"title": "Coast"}).json()["id"]
    listed = searched.client.get(f"{BASE}/api/v1/images?q=tags:sea&limit=2").json()["data"]
    changes = {"ids": [image["id"] for image in listed], "collection_id": collection}
    update = f"{BASE}/api/v1/images/actions/update"
    assert searched.client.post(update, json=changes).json()["changed"] == 2
    page = visits.open(searched, f"{BASE}/collections/{collection}?q=tags:sea")
    expect(page.locator(".tile")).to_have_count(2)
    expect(page).to_have_title("tags:sea · Coast · imagesvc")

    box(page).fill("-tags:sea")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
    expect(page).to_have_url(re.compile(f"/collections/{collection}[?]q=-tags%3Asea$"))
    page.get_by_role("button", name="Clear the search").click()
    expect(page.locator(".tile")).to_have_count(2)
    expect(page.get_by_role("heading", name="Coast")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()


@pytest.mark.breadth
def test_chips_are_the_terms_of_the_text(visits: Visits, searched: Server) -> None:
    """Each can be removed or edited, and values of the pictures found can be added."""
    page = opened(visits, searched, 'tags:"new york" -beach sea OR york color:#008080')
    expect(chips(page)).to_have_text(["Tag new york", "not beach", "sea OR york", "Colour #008080"])
    expect(page.locator(".tile")).to_have_count(1)

    page.get_by_role("button", name="Remove: Colour").click()
    expect(page).to_have_url(address('tags:"new york" -beach sea OR york'))
    exclude = page.get_by_role("button", name=re.compile("^Exclude"))
    expect(exclude).to_have_count(2)  # what OR joins cannot be excluded
    exclude.last.click()
    expect(page).to_have_url(address('tags:"new york" beach sea OR york'))
    expect(exclude.last).to_be_focused()
    expect(exclude.last).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("-")
    expect(exclude.last).to_have_attribute("aria-pressed", "true")
    expect(exclude.last).to_be_focused()
    expect(page).to_have_url(address('tags:"new york" -beach sea OR york'))
    expect(page.locator(".tile")).to_have_count(2)
    page.get_by_role("button", name="2024 1").click()
    expect(page).to_have_url(address('tags:"new york" -beach sea OR york date:2024'))
    expect(chips(page).last).to_have_text("Date 2024")
    page.get_by_role("button", name="not beach", exact=True).click()
    expect(box(page)).to_be_focused()
    page.keyboard.type("-night")
    page.keyboard.press("Enter")
    expect(page).to_have_url(address('tags:"new york" -night sea OR york date:2024'))

    page.get_by_role("button", name="Clear the search").click()
    expect(page).to_have_url(address(""))
    expect(page.locator(".tile")).to_have_count(len(IMAGES))


@pytest.mark.breadth
def test_colours_are_suggested_by_name(visits: Visits, searched: Server) -> None:
    """Those that the pictures have, with their numbers; the chip shows a swatch."""
    page = opened(visits, searched)
    page.keyboard.press("/")
    page.keyboard.type("color:")
    options = page.get_by_role("option")
    expect(options).to_have_text(["Blue 1", "Cyan 1", "Grey 1", "Green 1", "Orange 1", "Yellow 1"])
    expect(options.first.locator(".swatch")).to_be_visible()
    page.keyboard.type("or")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")

    expect(page).to_have_url(address("color:orange"))
    expect(chips(page)).to_have_text(["Colour Orange"])
    expect(chips(page).locator(".swatch")).to_be_visible()
    expect(page.locator(".tile")).to_have_count(1)


def test_terms_are_those_of_the_api(visits: Visits, searched: Server) -> None:
    """Chips split a text where the parser does, and a text with or without one has the others."""
    chance = random.Random(5)
    queries = [" ".join(chance.choices(FRAGMENTS, k=chance.randint(1, 6))) for _ in range(400)]
    queries = [query for query in queries if is_valid(query)]
    assert len(queries) > 150
    page = opened(visits, searched)
    assets = page.evaluate("JSON.parse(document.getElementById('page').textContent).assets")

    found = page.evaluate(TERMS, [f"{assets}/js/search/grammar.js", queries])

    for query, (terms, without, more, negated) in zip(queries, found, strict=True):
        expected = read(query)
        assert [str(parse(text)) for text in terms] == expected, query
        assert [*expected, "tags:more"] == read(more), query
        for index, text in enumerate(without):
            assert read(text) == [*expected[:index], *expected[index + 1 :]], query
        for index, text in enumerate(negated):
            if text is None:
                assert " OR " in expected[index], query
                continue
            changed, term = parse(text).terms[index], parse(query).terms[index]
            assert changed.is_negated != term.is_negated, query
            assert str(changed.atom).strip('"') == str(term.atom).strip('"'), query
            assert read(text)[:index] == expected[:index], query


def read(query: str) -> list[str]:
    """The terms of a text; a word that would join others can be a phrase."""
    return [str(term).replace('"OR"', "OR") for term in parse(query).terms]


def is_valid(query: str) -> bool:
    """Whether a text follows the grammar."""
    try:
        parse(query)
    except InvalidQuery:
        return False
    return True


@pytest.mark.breadth
def test_a_page_without_matches_is_followed_by_the_next(visits: Visits, far: Server) -> None:
    """A page looks at 5,000 images at most, so the first ones of a month can be empty."""
    month = far.client.get("/api/v1/timeline?q=size:7B").json()["months"][0]
    first = far.client.get(f"/api/v1/timeline/{month}?q=size:7B").json()
    assert (first["ids"], first["next_cursor"] is None) == ([], False)
    page = visits.open(far, scripts=(ONE_PICTURE,))
    page.locator(".tile").first.wait_for()

    page.keyboard.press("/")
    page.keyboard.type("size:7B")
    page.keyboard.press("Enter")

    expect(page.locator(".tile")).to_have_count(len(IMAGES))
    expect(page.locator(".found")).to_have_text(f"{len(IMAGES)} pictures")


@pytest.mark.breadth
def test_suggestions_complete_the_text(visits: Visits, searched: Server) -> None:
    """With values of the user's pictures, by the keyboard."""
    page = opened(visits, searched)
    page.keyboard.press("/")
    options = page.get_by_role("option")
    expect(options.filter(has_text="new york")).to_be_visible()
    page.keyboard.type("beach ne")
    expect(options).to_have_count(0)  # no picture of the beach has more tags that fit
    box(page).fill("sea ne")
    expect(options).to_have_text(["new york 1"])
    page.keyboard.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    active = box(page).get_attribute("aria-activedescendant")
    assert active == options.first.get_attribute("id")
    page.keyboard.press("Enter")
    expect(page).to_have_url(address('sea tags:"new york"'))
    expect(page.locator(".tile")).to_have_count(1)

    page.keyboard.press("/")
    page.keyboard.type("wid")
    expect(options).to_have_text([re.compile("Width")])
    page.keyboard.press("ArrowDown")
    assert violations(page) == []
    options.first.click()
    expect(box(page)).to_have_value("width:")
    expect(page.locator(".suggestion-hint")).to_contain_text("Pixels")
    page.keyboard.type(">9999")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()

    page.keyboard.press("/")
    page.keyboard.type("-tags:sea,be")
    options.filter(has_text="beach").click()
    expect(page).to_have_url(address("-tags:sea,beach"))
    expect(page.locator(".tile")).to_have_count(len(IMAGES) - 1)
    page.keyboard.press("/")
    expect(page.locator(".suggestions")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".suggestions")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(box(page)).not_to_be_focused()


@pytest.mark.breadth
def test_searches_are_saved_opened_renamed_and_deleted(visits: Visits, searched: Server) -> None:
    """By a name, under which they are suggested."""
    path = f"{BASE}/api/v1/searches"
    page = opened(visits, searched, "tags:sea")
    page.get_by_role("button", name="Save the search").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill(f"Coast {HOSTILE}")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The search is saved.")).to_be_visible()
    made = searched.client.get(path).json()["data"]
    assert [(one["name"], one["q"]) for one in made] == [(f"Coast {HOSTILE}", "tags:sea")]

    page.get_by_role("button", name="Clear the search").click()
    expect(page.locator(".tile")).to_have_count(len(IMAGES))
    page.keyboard.press("/")
    page.keyboard.type("coast")
    page.get_by_role("option", name="Coast").click()
    expect(page).to_have_url(address("tags:sea"))
    expect(page.locator(".tile")).to_have_count(3)

    page.get_by_role("button", name="Saved searches").click()
    page.get_by_role("button", name="Rename “Coast").click()
    dialog.last.get_by_label("Name").fill("")
    page.keyboard.press("Enter")
    expect(dialog.last.get_by_role("alert")).to_have_text("Fill in all fields.")
    dialog.last.get_by_label("Name").fill("Water")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("link", name="Water")).to_be_visible()
    page.get_by_role("button", name="Delete “Water”").click()
    expect(dialog.get_by_text("No search is saved.")).to_be_visible()
    assert searched.client.get(path).json()["data"] == []
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("button", name="Save the search")).to_be_focused()


@pytest.mark.breadth
def test_an_error_is_marked_at_its_column(visits: Visits, searched: Server) -> None:
    """Columns count characters, of which browsers count some as two."""
    visits.expect_error("400")
    page = opened(visits, searched, "😀 sea date:may beach")
    alert = page.get_by_role("alert")

    expect(alert.locator("mark")).to_have_text("may")
    expect(alert).to_contain_text("Date: “may” is not understood. A year, a month or a day")
    expect(alert).to_contain_text(re.compile("Request [0-9a-f]"))
    expect(box(page)).to_have_attribute("aria-invalid", "true")
    page.get_by_role("button", name="Correct the search").click()
    page.keyboard.type("2025")
    expect(box(page)).to_have_value("😀 sea date:2025 beach")
    box(page).fill("sea date:2025")
    page.keyboard.press("Enter")
    expect(page.locator(".tile")).to_have_count(1)
    expect(alert).to_have_count(0)
    expect(box(page)).not_to_have_attribute("aria-invalid", "true")

    page.keyboard.press("/")
    page.keyboard.type('"sea')
    page.keyboard.press("Enter")
    expect(alert.locator("mark")).to_have_text("")
    expect(alert).to_contain_text("A quotation mark is missing")
    expect(box(page)).to_be_focused()


@pytest.mark.breadth
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_axe_finds_nothing_while_a_search_is_typed(
    visits: Visits, searched: Server, direction: str
) -> None:
    """Neither in the list of suggestions nor in the chips."""
    page = opened(
        visits, searched, f'-night color:#808080 tags:"{HOSTILE}"',
        is_right_to_left=direction == "rtl",
    )  # fmt: skip
    page.locator(".offers").wait_for()
    page.keyboard.press("/")
    page.keyboard.type("date:2")
    page.get_by_role("option").first.wait_for()
    page.keyboard.press("ArrowDown")

    assert axe_violations(page) == []


@pytest.mark.breadth
def test_a_phone_shows_the_box_over_the_header(visits: Visits, searched: Server) -> None:
    """Nothing is wider than the screen, also with a long text that is no search."""
    visits.expect_error("400")
    page = opened(visits, searched, "tags:sea", viewport=NARROW, has_touch=True)
    page.locator(".offer").first.wait_for()
    box(page).tap()
    page.get_by_role("option").first.wait_for()
    shape = box(page).bounding_box()
    assert shape is not None
    assert shape["width"] > 300
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    box(page).fill("date:" + HOSTILE + "\u202e" + 500 * "x")
    page.keyboard.press("Enter")

    page.get_by_role("alert").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]


@pytest.mark.breadth
def test_texts_of_users_are_text(visits: Visits, searched: Server) -> None:
    """In chips, suggestions, errors and the title of the page."""
    visits.expect_error("400")
    page = visits.page(scripts=(COUNT_HACKS,))
    tag = f'tags:"{HOSTILE}"'
    page.goto(url_of(searched, f"{BASE}/?q={quote(tag)}"))
    expect(chips(page)).to_have_text([f"Tag {HOSTILE}"])
    expect(page.locator(".tile")).to_have_count(1)
    page.keyboard.press("/")
    page.keyboard.type("onerror")
    expect(page.get_by_role("option")).to_have_text([f"{HOSTILE} 1"])
    page.goto(url_of(searched, f"{BASE}/?q={quote(f'date:{HOSTILE} ' + 10_000 * 'x')}"))

    expect(page.get_by_role("alert").locator(".search-text")).to_contain_text(HOSTILE)
    assert page.evaluate("window.hacks") == 0
    assert page.locator("img[src='x'], bdi img").count() == 0
