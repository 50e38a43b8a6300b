"""Pictures with inner damage are shown up to the damage, as in browsers."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest
from PIL import Image

from imagesvc.errors import CorruptImage
from imagesvc.imaging.analyse import analyse
from tests.imaging.originals import request
from tests.imaging.pictures import (
    LIMITS,
    QUADRANTS,
    animation,
    corners,
    files,
    is_near,
    make,
    png_chunk,
    probe,
    quadrants,
    save,
    seen,
)


def torn_png(path: Path) -> str:
    """Half of the first part of the data is missing, with correct check sums."""
    data = Path(save(path, quadrants(96, 640), compress_level=0)).read_bytes()
    at = data.index(b"IDAT") - 4
    size = int.from_bytes(data[at : at + 4], "big")
    half = data[at + 8 : at + 8 + size // 2]
    path.write_bytes(data[:at] + png_chunk(b"IDAT", half) + data[at + 12 + size :])
    return str(path)


def wrong_sum_png(path: Path) -> str:
    """All of the data is correct, but its check sum is not."""
    data = bytearray(Path(save(path, quadrants(96, 640))).read_bytes())
    at = data.index(b"IDAT") - 4
    data[at + 8 + int.from_bytes(data[at : at + 4], "big")] ^= 1
    path.write_bytes(data)
    return str(path)


def torn_tiff(path: Path) -> str:
    """The second of two strips is not a Deflate stream."""
    picture = quadrants(96, 640)
    strip_size = 96 * 3 * 320
    data = Path(
        save(path, picture, compression="tiff_adobe_deflate", strip_size=strip_size)
    ).read_bytes()
    lower = zlib.compress(picture.crop((0, 320, 96, 640)).tobytes())[:8]
    at = data.rindex(lower[:2])
    path.write_bytes(data[: at + 2] + b"\xff" * 8 + data[at + 10 :])
    return str(path)


def torn_gif(path: Path) -> str:
    """The code size of the last frame is invalid, so that it cannot be decoded."""
    data = bytearray(Path(animation(path, 3, (96, 640))).read_bytes())
    at = data.rindex(b"\x2c\0\0\0\0")
    flags = data[at + 9]
    at += 10 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    data[at] = 77
    path.write_bytes(data)
    return str(path)


TORN = {"png": torn_png, "tif": torn_tiff, "gif": torn_gif}


@pytest.mark.parametrize("kind", TORN)
@pytest.mark.parametrize(
    "query", ["w=48&format=png", "w=48&format=webp", "trim=5&w=48&format=jpeg"]
)
def test_the_intact_part_of_a_damaged_picture_is_shown(
    kind: str, query: str, tmp_path: Path
) -> None:
    """A 201 promises a thumbnail."""
    path = TORN[kind](tmp_path / f"a.{kind}")

    found = probe(path, LIMITS)
    shown = seen(make(path, query, frames=found.frames)).convert("RGB")

    assert (found.width, found.height) == (96, 640)
    if kind != "gif" and "trim" not in query:
        upper = shown.crop((0, 0, 48, 50)).resize((2, 1), Image.Resampling.BOX)
        expected = QUADRANTS[:2]
        assert is_near(tuple(upper.getpixel((x, 0)) for x in (0, 1)), expected, 60)


@pytest.mark.parametrize("kind", TORN)
def test_the_first_job_of_a_damaged_picture_succeeds(kind: str, tmp_path: Path) -> None:
    """Analysis and variants are made from the same pixels."""
    path = TORN[kind](tmp_path / f"a.{kind}")

    made = analyse(files(path), request(path, "w=64&h=64", "w=20&format=webp"))

    assert made.analysis.dominant_color
    assert [type(it).__name__ for it in made.outcomes] == ["Rendered", "Rendered"]


def test_a_wrong_sum_alone_changes_nothing(tmp_path: Path) -> None:
    """All pixels are intact."""
    path = wrong_sum_png(tmp_path / "a.png")

    assert is_near(corners(seen(make(path, "format=png"))), QUADRANTS, 0)


def test_formats_that_are_decoded_whole_or_not_at_all_fail(tmp_path: Path) -> None:
    """No part of them can be shown, and an invented picture would be wrong."""
    path = tmp_path / "a.avif"
    data = bytearray(Path(save(path, quadrants(), quality=90)).read_bytes())
    at = data.index(b"mdat") + 40
    data[at : at + 60] = bytes(60)
    path.write_bytes(data)

    with pytest.raises(CorruptImage):
        make(str(path), "format=png")
