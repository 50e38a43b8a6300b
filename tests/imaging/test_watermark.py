"""Watermarks: their position, their size, and their effect."""

from __future__ import annotations

import io
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imagesvc.errors import CorruptImage, ImagesvcError
from imagesvc.imaging.render import render
from imagesvc.imaging.transforms.effective import effective
from imagesvc.imaging.transforms.transform import parse_text
from imagesvc.model.formats import Format
from imagesvc.model.transforms import Watermark
from tests.breadth import represented
from tests.imaging.pictures import (
    BLUE,
    LIMITS,
    QUALITY,
    RED,
    animation,
    files,
    make,
    original,
    save,
    seen,
)
from tests.imaging.test_regions import array


def png(colour: tuple[int, ...] = BLUE, size: tuple[int, int] = (40, 20)) -> bytes:
    """A file of one colour, with alpha if the colour has it."""
    file = io.BytesIO()
    Image.new("RGBA" if len(colour) == 4 else "RGB", size, colour).save(file, "PNG")
    return file.getvalue()


def marked(folder: Path, mark: Watermark, query: str = "", mode: str = "RGB") -> np.ndarray:
    """A red picture of 200 x 100 with a watermark on it."""
    path = save(folder / "a.png", Image.new("RGB", (200, 100), RED).convert(mode))
    made = make(path, f"wm=logo&{query}".rstrip("&"), marks={"logo": mark})
    return array(seen(made), "RGBA" if mode == "RGBA" else "RGB")


def box_of(levels: np.ndarray) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the area that is not red."""
    rows, columns = np.nonzero(np.abs(levels[..., :3] - RED).max(-1) > 40)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


@pytest.mark.parametrize(
    ("position", "margin", "box"),
    [
        ("southeast", 0, (150, 75, 200, 100)),
        ("southeast", 5, (145, 70, 195, 95)),
        ("northwest", 7, (7, 7, 57, 32)),
        ("north", 3, (75, 3, 125, 28)),
        ("center", 9, (75, 37, 125, 62)),
        ("west", 0, (0, 37, 50, 62)),
        ("southwest", 1, (1, 74, 51, 99)),
    ],
)
def test_a_watermark_has_its_position_and_size(
    tmp_path: Path, position: str, margin: int, box: tuple[int, int, int, int]
) -> None:
    """It has a quarter of the width, in the ratio of its image.

    It covers every pixel of the box only.
    """
    levels = marked(tmp_path, Watermark(image=png(), position=position, margin=margin))

    assert box_of(levels) == box
    left, top, right, bottom = box
    assert (np.abs(levels[top:bottom, left:right] - BLUE) <= 1).all()
    assert (levels[0 if top else -1, 100] == RED).all()


@pytest.mark.parametrize("opacity", [0.0, 0.2, 0.5, 1.0])
@pytest.mark.parametrize("alpha", [255, 128])
@pytest.mark.parametrize("mode", represented(["RGB", "RGBA", "L"], "RGBA"))
def test_opacity_mixes(tmp_path: Path, opacity: float, alpha: int, mode: str) -> None:
    """Porter and Duff's over: opacity x alpha of the mark, the rest of the picture."""
    mark = Watermark(image=png((*BLUE, alpha)), opacity=opacity, position="center")

    levels = marked(tmp_path, mark, mode=mode)

    share = opacity * alpha / 255
    ground = np.array(RED) if mode != "L" else array(Image.new("RGB", (1, 1), RED).convert("L"))
    expected = share * np.array(BLUE) + (1 - share) * ground
    assert np.abs(levels[50, 100][:3] - expected).max() <= 2
    assert mode != "RGBA" or (levels[..., 3] == 255).all()


def test_the_size_follows_the_variant(tmp_path: Path) -> None:
    """It is half the width of the variant, not of the original, and never larger than it."""
    mark = Watermark(image=png(), scale=0.5, position="northwest")

    assert box_of(marked(tmp_path, mark)) == (0, 0, 100, 50)
    assert box_of(marked(tmp_path, mark, "w=60")) == (0, 0, 30, 15)
    assert box_of(marked(tmp_path, mark, "w=40&h=8&fit=fill")) == (0, 0, 16, 8)
    assert marked(tmp_path, replace(mark, margin=500), "w=1").shape == (1, 1, 3)


def test_tiles_cover_the_variant(tmp_path: Path) -> None:
    """They begin at the top left, with the margin between them, cut at the right and the bottom."""
    levels = marked(tmp_path, Watermark(image=png(), scale=0.2, margin=10, tile=True))

    rows, columns = np.arange(100) % 30 < 20, np.arange(200) % 50 < 40
    expected = rows[:, None] & columns[None, :]
    assert ((np.abs(levels - BLUE).max(-1) <= 1) == expected).all()


def test_a_watermark_comes_last(tmp_path: Path) -> None:
    """It is on the padding, and neither turned, blurred nor gray."""
    mark = Watermark(image=png(), position="north", scale=0.5)

    levels = marked(tmp_path, mark, "w=100&h=100&fit=pad&rotate=90&gray=1&blur=9&bg=ffffff")

    assert (np.abs(levels[1, 30:70] - BLUE) <= 1).all()
    assert np.abs(levels[95, 5] - 255).max() <= 1


def test_every_frame_is_marked(tmp_path: Path) -> None:
    """A mark on the first frame only would be visible for a moment."""
    mark = Watermark(image=png((255, 0, 255)), position="southeast")
    path = animation(tmp_path / "a.gif")

    picture = seen(make(path, "wm=logo&format=webp", marks={"logo": mark}))

    for number in range(4):
        picture.seek(number)
        assert np.abs(array(picture)[36, 55] - (255, 0, 255)).max() < 30


@pytest.mark.parametrize("text", ["© Müller 2026", "i", "A long line of text " * 30])
def test_a_text_is_drawn_in_its_colour(tmp_path: Path, text: str) -> None:
    """The text is inside its box, partly solid, and the rest of the picture is unchanged."""
    mark = Watermark(text=text, color="00ff00", scale=0.9, position="center", margin=2)

    levels = marked(tmp_path, mark)

    left, top, right, bottom = box_of(levels)
    assert (left >= 2, top >= 2, right <= 198, bottom <= 98) == (True,) * 4
    assert (levels[..., 1] > 120).sum() > 20
    assert (levels[:2] == RED).all()


def test_a_text_without_ink_changes_nothing(tmp_path: Path) -> None:
    """A space is not an error."""
    assert (marked(tmp_path, Watermark(text=" ")) == RED).all()


def test_texts_are_the_same_on_every_run(tmp_path: Path) -> None:
    """A separate process gives the same result: no font of the machine is used."""
    code = (
        "import hashlib; from imagesvc.imaging.pipeline.lettering import drawn;"
        "print(hashlib.sha256(drawn('Hello', None, 80)[0]).hexdigest())"
    )
    runs = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
        for _ in range(2)
    }

    assert len(runs) == 1


@pytest.mark.parametrize(
    "mark",
    [
        Watermark(image=b"garbage"),
        Watermark(text="x", font=b"garbage"),
        Watermark(image=png()[:60]),
    ],
)
def test_a_broken_watermark_gives_our_error(tmp_path: Path, mark: Watermark) -> None:
    """It is not a crash."""
    with pytest.raises(CorruptImage):
        marked(tmp_path, mark)


def test_another_watermark_is_never_drawn_under_a_known_key(tmp_path: Path) -> None:
    """The worker compares fingerprints: a key always names the same bytes."""
    path = save(tmp_path / "a.png", Image.new("RGB", (20, 20)))
    mark = Watermark(image=png())
    wanted = effective(parse_text("wm=logo"), original(Format.PNG), QUALITY, {"logo": mark})

    others: list[dict[str, Any]] = [{}, {"logo": replace(mark, opacity=0.5)}]
    for marks in others:
        with pytest.raises(ImagesvcError, match="not the one"):
            render(files(path), wanted, LIMITS, marks)
