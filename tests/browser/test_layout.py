"""The arithmetic of the timeline: rows, sections, and heights beyond those of browsers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.contexts import Contexts
from tests.browser.pages import Visits, url_of
from tests.server import Server


@pytest.fixture(scope="module")
def page(contexts: Contexts, gallery: Server) -> Iterator[Page]:
    """A page whose modules are imported by the tests."""
    visits = Visits(contexts)
    opened = visits.page()
    opened.goto(url_of(gallery, "/"))
    yield opened
    visits.close()
    assert visits.errors == []


def rows_of(page: Page, ratios: list[float], width: int, *, is_complete: bool = True) -> Any:
    """The rows of pictures with these shapes: for each, the height and the widths."""
    return page.evaluate(
        """async ([ratios, width, isComplete]) => {
          const data = JSON.parse(document.getElementById("page").textContent);
          const {justified} = await import(`${data.assets}/js/timeline/layout.js`);
          const measures = {width, rowHeight: 200, gap: 4};
          const made = justified(Float32Array.from(ratios), ratios.length, measures, isComplete);
          return Array.from({length: made.rows}, (_, row) => ({
            top: made.tops[row], height: made.heights[row],
            widths: [...made.widths.slice(made.starts[row], made.starts[row + 1])],
            end: made.starts[row + 1],
          }));
        }""",
        [ratios, width, is_complete],
    )


SHAPES = [1.5, 0.67, 1.78, 1, 1.33, 2.4, 0.5, 1.5, 1.5, 0.8, 3.1, 1.1, 1.5, 0.66] * 20


@pytest.mark.parametrize("width", [320, 390, 1000, 1600, 3840])
def test_rows_are_filled_in_order_and_keep_shapes(page: Page, width: int) -> None:
    """No picture is lost or cut, and no row is much higher or lower than the others."""
    rows = rows_of(page, SHAPES, width)

    places = [shape for row in rows for shape in row["widths"]]
    heights = [row["height"] for row in rows for _ in row["widths"]]
    assert len(places) == len(SHAPES)
    for shape, across, height in zip(SHAPES, places, heights, strict=True):
        assert across / height == pytest.approx(shape, rel=1e-4)
    for row in rows[:-1]:
        filled = sum(row["widths"]) + 4 * (len(row["widths"]) - 1)
        assert filled == pytest.approx(width, abs=0.5)
        assert row["height"] <= 200 * 1.36
    assert [row["end"] for row in rows] == sorted({row["end"] for row in rows})
    tops = [row["top"] for row in rows]
    bottoms = [row["top"] + row["height"] + 4 for row in rows]
    assert tops[1:] == pytest.approx(bottoms[:-1], abs=0.5)


def test_extreme_shapes_are_cut(page: Page) -> None:
    """A line of one pixel is no row of 20,000."""
    rows = rows_of(page, [0.001, 1000, 0, 1], 1000)

    assert all(20 < across <= 1000 for row in rows for across in row["widths"])
    assert all(row["height"] <= 272 for row in rows)


def test_the_last_row_waits_for_more_pictures(page: Page) -> None:
    """While pages of a month are missing, its pictures do not jump when they arrive."""
    some = rows_of(page, SHAPES[:30], 1000, is_complete=False)
    more = rows_of(page, SHAPES[:60], 1000, is_complete=False)
    whole = rows_of(page, SHAPES[:60], 1000)

    assert more[: len(some)] == some
    assert some[-1]["end"] < 30
    assert len(whole) == len(more) + 1
    assert rows_of(page, [], 1000) == []


def test_a_timeline_higher_than_any_element_is_reached_to_its_end(page: Page) -> None:
    """Beyond 12 million pixels, scrolling is proportional."""
    found = page.evaluate(
        """async () => {
          const data = JSON.parse(document.getElementById("page").textContent);
          const {Viewport, MOST_PIXELS} = await import(`${data.assets}/js/timeline/viewport.js`);
          const canvas = document.createElement("div");
          document.querySelector("main").replaceChildren(canvas);
          const viewport = new Viewport(canvas);
          viewport.measure();
          viewport.setTotal(90_000_000);
          const tops = [0, 45_000_000, 90_000_000 - viewport.height].map((top) => {
            viewport.scrollTo(top);
            return viewport.top - top;
          });
          viewport.part = 1;
          const box = canvas.getBoundingClientRect();
          return {tops, end: viewport.top + viewport.height, height: box.height, MOST_PIXELS};
        }"""
    )

    assert found["height"] == found["MOST_PIXELS"] == 12_000_000
    assert found["tops"] == pytest.approx([0, 0, 0], abs=20)
    assert found["end"] == pytest.approx(90_000_000, abs=20)
