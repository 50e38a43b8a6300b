"""The names of colours: the basic ones of CSS, and those of photographs."""

from __future__ import annotations

from pathlib import Path

import pytest
import pyvips

from imagesvc.imaging.analysis.pictures import analysis_of
from imagesvc.store.search.hues import Hue, hues_of

PHOTOS = Path(__file__).parents[3] / "shared" / "photos"
CSS = {
    Hue.RED: "#ff0000 #dc143c #b22222", Hue.ORANGE: "#ffa500 #ff8c00 #ff7f50",
    Hue.YELLOW: "#ffff00 #ffd700 #f0e68c", Hue.GREEN: "#008000 #00ff00 #556b2f #2e8b57",
    Hue.CYAN: "#00ffff #008080 #40e0d0", Hue.BLUE: "#0000ff #000080 #87ceeb #4682b4",
    Hue.PURPLE: "#800080 #663399 #9370db #dda0dd", Hue.PINK: "#ffc0cb #ff69b4 #ff1493",
    Hue.BROWN: "#a52a2a #8b4513 #d2b48c", Hue.WHITE: "#ffffff #f8f8ff #f5f5f5",
    Hue.GRAY: "#808080 #696969 #c0c0c0", Hue.BLACK: "#000000 #0f0f0a #1c1c1b",
}  # fmt: skip


@pytest.mark.parametrize("hue", Hue)
def test_a_colour_of_css_has_its_name(hue: Hue) -> None:
    """And no name of a basic colour of CSS is that of another."""
    for color in CSS[hue].split():
        assert hue in hues_of([color]), color
    for other, colors in CSS.items():
        if other is not hue:
            assert hue not in hues_of([colors.split()[0]]) or {hue, other} == {Hue.RED, Hue.BROWN}


def test_black_white_and_gray_are_main_colours() -> None:
    """Nearly every picture has shadows and lights."""
    assert hues_of(["#0000ff", "#ffffff", "#000000", "#808080", "#008000"]) == [
        Hue.GREEN, Hue.BLUE, Hue.WHITE,
    ]  # fmt: skip


@pytest.mark.skipif(not PHOTOS.is_dir(), reason="the photographs of the benches are not there")
@pytest.mark.parametrize(
    ("name", "wanted", "unwanted"),
    [
        ("photo_0.75mp_stop.jpg", {Hue.BLUE, Hue.GREEN, Hue.GRAY}, {Hue.PURPLE, Hue.PINK}),
        ("photo_1.5mp_brushes.png", {Hue.BLUE, Hue.YELLOW, Hue.BROWN}, {Hue.GRAY}),
        ("photo_12.2mp_sunset.jpg", {Hue.BLUE, Hue.BROWN}, {Hue.GREEN, Hue.RED, Hue.BLACK}),
        ("photo_15.9mp_dandelion.jpg", {Hue.GREEN, Hue.BROWN}, {Hue.BLUE, Hue.RED, Hue.PURPLE}),
        ("photo_4.1mp_moss_icc.jpg", {Hue.GREEN, Hue.BLACK}, {Hue.BLUE, Hue.BROWN, Hue.WHITE}),
        ("photo_8.0mp_mountains.jpg", {Hue.BLUE, Hue.BROWN}, {Hue.RED, Hue.PINK, Hue.CYAN}),
    ],
)
def test_photographs_have_the_names_that_people_give_them(
    name: str, wanted: set[Hue], unwanted: set[Hue]
) -> None:
    """Sky is blue, grass is green, and no hue is found everywhere."""
    photo = pyvips.Image.thumbnail(str(PHOTOS / name), 256, height=256)

    found = set(hues_of(analysis_of(photo).palette))

    assert wanted <= found
    assert not found & unwanted
