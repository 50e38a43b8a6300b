"""Sizes and positions in whole pixels."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagesvc.imaging.codecs.shrinking import jpeg_shrink
from imagesvc.imaging.transforms.geometry import Box, plan, predicted_size
from imagesvc.imaging.transforms.transform import parse_text
from imagesvc.model.formats import Size
from imagesvc.model.transforms import Transform

sides = st.integers(1, 20_000)
boxes = st.integers(1, 8192)


@pytest.mark.parametrize(
    ("query", "size", "expected"),
    [
        ("", (300, 200), (300, 200)),
        ("w=150", (300, 200), (150, 100)),
        ("h=50", (300, 200), (75, 50)),
        ("w=600", (300, 200), (300, 200)),
        ("w=600&enlarge=1", (300, 200), (600, 400)),
        ("w=100&h=100", (300, 200), (100, 67)),
        ("w=100&h=100", (200, 300), (67, 100)),
        ("w=500&h=100", (300, 200), (150, 100)),
        ("w=600&h=600", (300, 200), (300, 200)),
        ("w=600&h=600&enlarge=1", (300, 200), (600, 400)),
        ("w=100&h=100&fit=cover", (300, 200), (100, 100)),
        ("w=250&h=250&fit=cover", (300, 200), (250, 200)),
        ("w=400&h=400&fit=cover", (300, 200), (300, 200)),
        ("w=400&h=400&fit=cover&enlarge=1", (300, 200), (400, 400)),
        ("w=100&h=50&fit=fill", (300, 200), (100, 50)),
        ("w=400&h=50&fit=fill", (300, 200), (300, 50)),
        ("w=400&h=50&fit=fill&enlarge=1", (300, 200), (400, 50)),
        ("w=100&h=100&fit=pad", (300, 200), (100, 100)),
        ("w=400&h=400&fit=pad", (300, 200), (400, 400)),
        ("w=150&rotate=90", (300, 200), (100, 150)),
        ("w=150&rotate=180", (300, 200), (150, 100)),
        ("w=100&h=50&fit=cover&rotate=270", (300, 200), (50, 100)),
        ("w=100&h=50&fit=pad&rotate=90", (300, 200), (50, 100)),
        ("w=1", (20_000, 3), (1, 1)),
        ("w=256&h=256", (1, 20_000), (1, 256)),
        ("w=3", (6, 5), (3, 3)),  # 2.5 is rounded up
        ("w=256&h=256", (5312, 2988), (256, 144)),
    ],
)
def test_sizes_follow_the_documented_rules(
    query: str, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    """Each row is one rule that a caller can compute without rendering."""
    transform = parse_text(query)

    assert predicted_size(transform, plan(transform, *size)) == Size(*expected)


@given(sides, sides, boxes, boxes)
def test_inside_never_leaves_the_box_nor_grows(width: int, height: int, w: int, h: int) -> None:
    """The default fit never exceeds the box or the original."""
    inside = Transform(w=w, h=h)
    size = predicted_size(inside, plan(inside, width, height))

    assert size is not None
    assert 1 <= size.width <= min(w, width)
    assert 1 <= size.height <= min(h, height)
    assert size.width in (w, width) or size.height in (h, height)


@given(sides, sides, boxes, boxes)
def test_cover_fills_the_box_when_it_may_enlarge(width: int, height: int, w: int, h: int) -> None:
    """A covered box has no gap, for every ratio."""
    laid = plan(Transform(w=w, h=h, fit="cover", enlarge=True), width, height)

    assert laid.output == Size(w, h)
    assert laid.scaled.width >= w
    assert laid.scaled.height >= h


@given(sides, sides, boxes, st.sampled_from(["w", "h"]))
def test_one_side_keeps_the_ratio_to_half_a_pixel(
    width: int, height: int, side: int, key: str
) -> None:
    """Rounding is the only distortion."""
    wanted = Transform(w=side, enlarge=True) if key == "w" else Transform(h=side, enlarge=True)

    size = predicted_size(wanted, plan(wanted, width, height))

    assert size is not None
    other, exact = (
        (size.height, height * side / width) if key == "w" else (size.width, width * side / height)
    )
    assert abs(other - exact) <= 0.5 + 1e-9 or other == 1


@pytest.mark.parametrize(
    ("gravity", "left", "top"),
    [
        ("northwest", 0, 0),
        ("north", 0, 0),
        ("northeast", 0, 0),
        ("center", 0, 25),
        ("southwest", 0, 50),
        ("south", 0, 50),
    ],
)
def test_gravity_decides_what_a_crop_keeps(gravity: str, left: int, top: int) -> None:
    """A 100 x 150 picture cropped to 100 x 100 keeps its top, middle or bottom."""
    laid = plan(Transform(w=100, h=100, fit="cover", gravity=gravity), 200, 300)

    assert laid.crop == Box(left, top, 100, 100)


@pytest.mark.parametrize(("gravity", "left"), [("west", 0), ("center", 25), ("east", 50)])
def test_gravity_decides_where_padding_puts_the_picture(gravity: str, left: int) -> None:
    """A 50 x 100 picture on a 100 x 100 canvas is left, in the middle or right."""
    laid = plan(Transform(w=100, h=100, fit="pad", gravity=gravity), 100, 200)

    assert laid.pad == Box(left, 0, 100, 100)


@pytest.mark.parametrize(
    ("stored", "target", "shrink"),
    [
        ((4000, 3000), (4000, 3000), 1),
        ((4000, 3000), (1001, 751), 1),
        ((4000, 3000), (1000, 750), 2),
        ((4000, 3000), (500, 375), 4),
        ((4000, 3000), (250, 187), 8),
        ((4000, 3000), (1, 1), 8),
        ((4000, 3000), (1, 750), 2),
    ],
)
def test_the_decoder_leaves_a_factor_of_two_to_the_resize(
    stored: tuple[int, int], target: tuple[int, int], shrink: int
) -> None:
    """Block shrinking alone is too sharp; libvips keeps the same margin."""
    assert jpeg_shrink(Size(*stored), Size(*target)) == shrink
