"""Small JPEGs are decoded by Pillow, with the same pixels and bytes as by libvips."""

from __future__ import annotations

import random
import struct
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from imagesvc.errors import CorruptImage
from imagesvc.imaging.codecs import pillow_jpeg, vips, vips_source
from imagesvc.imaging.codecs.encode import jpeg
from imagesvc.model.formats import Format
from tests.breadth import represented
from tests.imaging.pictures import gradient, make, mapped, oriented, save, seen, swapped_profile

ODD = (203, 117)
KINDS: dict[str, dict[str, Any]] = {
    "4:4:4": {"subsampling": 0},
    "4:2:2": {"subsampling": 1},
    "4:2:0": {"subsampling": 2},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_blocks": 3},
    "rgb": {"keep_rgb": True},
    "profile": {"icc_profile": swapped_profile()},
}


def written(path: Path, mode: str = "RGB", size: tuple[int, int] = ODD, **options: Any) -> str:
    """A JPEG of a gradient."""
    return save(path / "a.jpg", gradient(*size).convert(mode), quality=85, **options)


def by_libvips(path: str, factor: int) -> bytes:
    """The pixels of libvips' own decoder."""
    picture: Any = vips.load(mapped(path), Format.JPEG, shrink=factor)
    return bytes(picture.write_to_memory())


@pytest.mark.parametrize("factor", [1, 2, 4, 8])
@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS.keys())
@pytest.mark.parametrize("mode", represented(["RGB", "L"], "RGB"))
def test_both_decoders_give_the_same_pixels(
    tmp_path: Path, mode: str, options: dict[str, Any], factor: int
) -> None:
    """Otherwise a variant would depend on the decoder; sides are odd, blocks incomplete."""
    path = written(tmp_path, mode, **options)
    assert pillow_jpeg.decode_jpeg(mapped(path), factor) is not None

    picture = vips_source.open_source(mapped(path), Format.JPEG).pixels(factor)

    assert (picture.width, picture.height) == (ODD[0] // factor, ODD[1] // factor)
    assert picture.interpretation == ("srgb" if mode == "RGB" else "b-w")
    assert bytes(vips.levels(picture)) == by_libvips(path, factor)


@pytest.mark.parametrize(
    ("size", "factor"),
    [
        ((1, 1), 1), ((1, 9), 1), ((15, 3), 2), ((7, 16), 2), ((7, 16), 4), ((17, 8), 8),
        ((15, 15), 8), ((9, 31), 8),
    ],
)  # fmt: skip
def test_tiny_pictures_shrink_as_with_libvips(
    tmp_path: Path, size: tuple[int, int], factor: int
) -> None:
    """Pillow would choose another factor by itself."""
    path = written(tmp_path, size=size)

    found = vips.levels(vips_source.open_source(mapped(path), Format.JPEG).pixels(factor))

    assert bytes(found) == by_libvips(path, factor)


def test_the_profile_and_orientation_of_a_file_are_kept(tmp_path: Path) -> None:
    """The profile is applied and the picture turned later, as for pictures decoded by libvips."""
    path = oriented(tmp_path / "a.jpg", gradient(), 6)
    opened = vips_source.open_source(mapped(path), Format.JPEG)
    assert opened.pixels().get("orientation") == 6

    profiled = vips_source.open_source(
        mapped(written(tmp_path, icc_profile=swapped_profile())), Format.JPEG
    )
    assert profiled.pixels().get("icc-profile-data") == swapped_profile()


def test_cmyk_is_left_to_libvips(tmp_path: Path) -> None:
    """It handles Adobe's inversion and the default profile."""
    path = written(tmp_path, "CMYK")

    assert pillow_jpeg.decode_jpeg(mapped(path), 1) is None
    assert vips_source.open_source(mapped(path), Format.JPEG).pixels().interpretation == "cmyk"


def test_a_truncated_file_is_left_to_libvips(tmp_path: Path) -> None:
    """The error message is the same for both decoders."""
    path = written(tmp_path)
    data = Path(path).read_bytes()
    Path(path).write_bytes(data[: len(data) * 2 // 3])

    assert pillow_jpeg.decode_jpeg(mapped(path), 1) is None
    with pytest.raises(CorruptImage, match="premature end"):
        make(path, "w=50")


def test_a_large_picture_is_streamed(tmp_path: Path) -> None:
    """In memory as a whole it would take seven bytes a pixel."""
    path = written(tmp_path, size=(2450, 2450))
    opened = vips_source.open_source(mapped(path), Format.JPEG)

    assert opened.pixels() is opened.picture
    assert opened.pixels(2) is not opened.picture


@pytest.mark.parametrize("q", represented([1, 50, 89, 90, 100], 89, 90))
@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("size", [ODD, (1, 1), (640, 480)])
def test_both_encoders_write_the_same_bytes(
    tmp_path: Path, mode: str, q: int, size: tuple[int, int]
) -> None:
    """Small and large variants are equal, and older ones stay valid."""
    path = save(tmp_path / "a.png", gradient(*size).convert(mode))
    picture = vips_source.open_source(mapped(path), Format.PNG).picture.copy_memory()

    data = jpeg(picture, q)

    assert data == bytes(picture.jpegsave_buffer(Q=q, keep="none"))


def segment(marker: int, body: bytes) -> bytes:
    """A segment with its marker and length."""
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


@pytest.mark.parametrize(
    "metadata",
    [
        segment(0xE1, b"a") * 64,
        segment(0xED, bytes(60_000)) * 5,
        b"\xff" * 30,
        b"\xff" + segment(0xE1, bytes(0xE1DF) + b"\xff\xda\0\0\0\0" + bytes(99)),
    ],
    ids=["many segments", "large ones", "fill bytes", "fill that looks like a length"],
)
def test_much_metadata_is_left_to_libvips(tmp_path: Path, metadata: bytes) -> None:
    """Pillow parses it for each variant; libvips skips it."""
    path = written(tmp_path)
    data = Path(path).read_bytes()
    Path(path).write_bytes(data[:2] + metadata + data[2:])

    assert pillow_jpeg.decode_jpeg(mapped(path), 1) is None
    assert seen(make(path, "w=50")).size == (50, 29)


def test_a_picture_with_damage_inside_is_shown_at_every_size(tmp_path: Path) -> None:
    """All decoders show it, as browsers do. The picture has hundreds of warnings and 6.3 MP."""
    noise = Image.effect_noise((3000, 2100), 60).convert("RGB")
    path = save(tmp_path / "a.jpg", noise, quality=85, restart_marker_rows=1)
    data, chance = bytearray(Path(path).read_bytes()), random.Random(1)
    scan = data.index(b"\xff\xda") + 20
    for at in chance.sample(range(scan, len(data) - 4), 4000):
        if 0xFF not in data[at - 1 : at + 3]:
            data[at] = chance.randrange(254)
    Path(path).write_bytes(data)
    opened = vips_source.open_source(mapped(path), Format.JPEG)
    assert opened.pixels() is opened.picture

    assert make(path, "").width == 3000
    assert make(path, "w=200").width == 200
    assert bytes(vips.levels(opened.pixels(4))) == by_libvips(path, 4)


@pytest.mark.parametrize("query", ["w=1800", "w=200"])
def test_a_png_has_no_data_of_its_original(tmp_path: Path, query: str) -> None:
    """It has to name a resolution: the usual one, for every decoder."""
    path = written(tmp_path, size=(2400, 1600), dpi=(300, 300))

    assert seen(make(path, f"{query}&format=png")).info["dpi"] == pytest.approx((72, 72), abs=0.1)
