"""Reduced GIFs: their size, their similarity to the ideal picture, and their motion."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from imagesvc.imaging.messages import Rendered
from tests.breadth import represented
from tests.imaging import animations, places
from tests.imaging.pictures import BLUE, LIMITS, RED, is_near, make, pixel, probe, save, seen
from tests.imaging.test_damaged import torn_gif

MOST_OFF = {"spinner": 8.0, "screen_recording": 8.0, "gradient_fade": 8.0}
"""Levels of mean error, if different from the usual `USUALLY_OFF`."""
USUALLY_OFF = 6.0


def gif_frame(box: Sequence[int], colour: int, disposal: int) -> bytes:
    """A frame in one colour, without a transparent one."""
    packed = Image.new("L", (box[2], box[3]), colour).tobytes("gif", "L", 2, 0)
    sides = b"".join(side.to_bytes(2, "little") for side in box)
    return (
        bytes((0x21, 0xF9, 4, disposal << 2, 7, 0, 0, 0, 0x2C)) + sides + b"\0\2" + packed + b"\0"
    )


def gif_of(size: tuple[int, int], *frames: bytes) -> bytes:
    """A GIF in red, green, blue and white; the background is red."""
    sides = b"".join(side.to_bytes(2, "little") for side in size)
    table = bytes.fromhex("ff000000ff000000ffffffff")
    return b"".join((b"GIF89a", sides, b"\x91\0\0", table, *frames, b";"))


@cache
def original(kind: str) -> bytes:
    """One of the ten kinds of GIFs."""
    return animations.KINDS[kind]()


def reduced(folder: Path, data: bytes, query: str) -> tuple[Rendered, Image.Image]:
    """A GIF of a GIF, and as Pillow reads it."""
    path = folder / "a.gif"
    path.write_bytes(data)
    made = make(str(path), f"{query}&format=gif", frames=999)
    content = made.data or (folder / "spilled-0").read_bytes()
    return made, Image.open(io.BytesIO(content))


def frames_of(picture: Image.Image) -> list[Image.Image]:
    """All frames as they are shown, in RGBA."""
    frames = []
    for number in range(getattr(picture, "n_frames", 1)):
        picture.seek(number)
        frames.append(picture.convert("RGBA"))
    return frames


def timing(picture: Image.Image) -> tuple[object, list[object]]:
    """The loop count, and the time of each frame."""
    delays = []
    for number in range(getattr(picture, "n_frames", 1)):
        picture.seek(number)
        picture.load()
        delays.append(picture.info.get("duration"))
    return picture.info.get("loop"), delays


def off(frame: Image.Image, ideal: Image.Image) -> float:
    """The mean error of the visible levels, on white."""
    white = Image.new("RGBA", ideal.size, "white")
    seen, wanted = (Image.alpha_composite(white, it).convert("RGB") for it in (frame, ideal))
    return sum(ImageStat.Stat(ImageChops.difference(seen, wanted)).mean) / 3


COVER = "w=96&h=96&fit=cover"
FEW = ("pixel_art", "spinner")
REDUCED = [
    *represented(
        ((kind, "w=288") for kind in sorted(animations.KINDS)),
        *((kind, "w=288") for kind in FEW),
    ),
    *represented(((kind, COVER) for kind in sorted(animations.KINDS)), ("pixel_art", COVER)),
    *(pytest.param(kind, "w=150", marks=pytest.mark.long) for kind in sorted(animations.KINDS)),
]


@pytest.mark.parametrize(("kind", "query"), REDUCED)
def test_a_reduced_gif_is_no_larger_than_its_original(
    tmp_path: Path, kind: str, query: str
) -> None:
    """Fewer pixels give fewer bytes, for all kinds of animations, close to the ideal picture."""
    data = original(kind)

    made, picture = reduced(tmp_path, data, query)

    source = Image.open(io.BytesIO(data))
    assert made.bytes <= len(data)
    assert timing(picture) == timing(source)
    if "fit" not in query:
        ideals = [it.resize(picture.size, Image.Resampling.LANCZOS) for it in frames_of(source)]
        errors = [off(*pair) for pair in zip(frames_of(picture), ideals, strict=True)]
        assert sum(errors) / len(errors) <= MOST_OFF.get(kind, USUALLY_OFF)


UNCOVERED = bytes.fromhex(
    "4749463839610c000c00910000ff000000ff000000ffffffff"
    "21f904040a0000002c040004000400040000020a4c983061c2840913262c003b"
)
"""A canvas of 12 x 12 with a frame that paints 4 x 4 in the middle."""


@pytest.mark.parametrize("kind", ["gif", "png", "webp"])
@pytest.mark.parametrize("query", ["w=12", "w=11", "frame=0"])
def test_what_no_frame_paints_is_transparent(tmp_path: Path, kind: str, query: str) -> None:
    """Browsers show it transparent; libvips gives black."""
    path = tmp_path / "a.gif"
    path.write_bytes(UNCOVERED)

    made = make(str(path), f"{query}&format={kind}&lossless=1")

    picture = seen(made).convert("RGBA")
    assert probe(str(path), LIMITS).has_alpha
    assert pixel(picture, (0, 0))[3] == pixel(picture, (10, 10))[3] == 0
    assert pixel(picture, (5, 5))[3] > 200


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_what_a_frame_clears_is_transparent(tmp_path: Path, kind: str) -> None:
    """Disposal to the background shows no background colour, as in browsers."""
    path = tmp_path / "a.gif"
    green, blue = gif_frame((0, 0, 20, 20), 1, 2), gif_frame((8, 8, 4, 4), 2, 1)
    path.write_bytes(gif_of((20, 20), green, blue))

    made = make(str(path), f"w=10&format={kind}&lossless=1", frames=2)

    first, second = frames_of(seen(made))
    assert pixel(first, (0, 0)) == (0, 255, 0, 255)
    assert pixel(second, (0, 0))[3] == 0
    assert is_near(pixel(second, (5, 5)), (0, 0, 255, 255), 40)


def test_frames_do_not_mix_at_their_edges(tmp_path: Path) -> None:
    """When frames were resized as one column, the edge of a frame got colour from the next one."""
    frames = [Image.new("RGB", (64, 64), colour) for colour in (RED, BLUE)]
    path = save(
        tmp_path / "a.webp", frames[0], save_all=True, append_images=frames[1:], lossless=True
    )

    first = frames_of(seen(make(path, "w=24&format=webp&lossless=1", frames=2)))[0]

    assert {pixel(first, (x, y)) for x in range(24) for y in range(24)} == {(*RED, 255)}


def test_an_unchanged_gif_keeps_every_pixel_and_loses_its_texts(tmp_path: Path) -> None:
    """A box that is larger than the picture only removes the metadata."""
    path = tmp_path / "a.gif"
    path.write_bytes(places.gif())
    query = "w=8000&format=gif"

    made = make(str(path), query, frames=9)

    assert made.data is not None
    assert made.bytes < path.stat().st_size
    assert b"XMP" not in made.data
    before, after = (frames_of(Image.open(io.BytesIO(it))) for it in (places.gif(), made.data))
    assert [it.tobytes() for it in after] == [it.tobytes() for it in before]


@pytest.mark.parametrize("query", ["w=8000", "w=90", "w=30"])
def test_a_damaged_gif_is_not_passed_on(tmp_path: Path, query: str) -> None:
    """A variant shows the decodable part, and can itself be decoded, changed or not."""
    path = torn_gif(tmp_path / "a.gif")

    made = make(path, f"{query}&format=gif", frames=3)

    assert made.frames == len(frames_of(seen(made))) == 2


def test_a_still_gif_becomes_no_larger(tmp_path: Path) -> None:
    """A tenth smaller, pixel art of sixteen colours once took three times the bytes."""
    still = Image.open(io.BytesIO(original("pixel_art"))).convert("P")
    path = save(tmp_path / "a.gif", still)

    made = make(path, "w=300&format=gif")

    assert made.frames == 1
    assert made.bytes <= Path(path).stat().st_size


def test_white_stays_white(tmp_path: Path) -> None:
    """With few colours for many, the white of a page must not become gray."""
    path = tmp_path / "a.gif"
    path.write_bytes(original("screen_recording"))

    first = frames_of(seen(make(str(path), "w=300&format=gif", frames=30)))[0]

    assert pixel(first, (150, 200)) == pixel(
        frames_of(Image.open(io.BytesIO(original("screen_recording"))))[0], (160, 214)
    )


def test_an_extension_that_is_cut_off_ends_the_animation(tmp_path: Path) -> None:
    """A download that stopped between two frames shows the received ones."""
    path = tmp_path / "a.gif"
    path.write_bytes(original("text_typing")[:-1] + bytes.fromhex("21f904"))

    made = make(str(path), "w=100&format=gif", frames=28)

    assert made.frames == 28
