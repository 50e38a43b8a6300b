"""Formats that Pillow decodes for libvips: colours, orientation, depth and damage."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import pillow_heif
import pytest
from PIL import Image, ImageOps

from imagesvc.errors import CorruptImage, ImageTooLarge
from imagesvc.imaging.codecs import sources
from imagesvc.imaging.transforms.effective import effective
from imagesvc.model.formats import Format
from imagesvc.model.transforms import Transform
from tests.imaging.pictures import (
    LIMITS,
    QUADRANTS,
    QUALITY,
    corners,
    gradient,
    is_near,
    make,
    mapped,
    original,
    pixel,
    probe,
    quadrants,
    save,
    seen,
    swapped_profile,
)

SUFFIXES = ("heic", "bmp", "jp2", "j2k", "ico")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("query", ["", "w=48"])
def test_the_picture_is_what_was_saved(tmp_path: Path, suffix: str, query: str) -> None:
    """Orientation, colours and every pixel are correct."""
    made = seen(make(save(tmp_path / f"a.{suffix}", quadrants()), query))

    assert made.size == ((48, 32) if query else (96, 64))
    assert is_near(corners(made), QUADRANTS, 6)


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [
        ("1", "bmp"),
        ("L", "bmp"),
        ("P", "bmp"),
        ("L", "jp2"),
        ("LA", "jp2"),
        ("RGBA", "jp2"),
        ("I;16", "jp2"),
        ("L", "heic"),
        ("RGBA", "heic"),
        ("RGBA", "ico"),
    ],
)
def test_each_mode_arrives_in_its_colours(tmp_path: Path, mode: str, suffix: str) -> None:
    """Gray, palette, alpha and 16 bits, compared with Pillow's result for the same file."""
    picture = gradient(64, 48)
    if mode.endswith("A"):
        picture.putalpha(Image.linear_gradient("L").resize((64, 48)))
    picture = (
        picture.convert("L").point(lambda it: it * 257, "I").convert(mode)
        if (mode == "I;16")
        else picture.convert(mode)
    )
    path = save(tmp_path / f"a.{suffix}", picture)

    made = seen(make(path, "")).convert("RGBA")

    with Image.open(path) as image:
        expected = image.point(lambda it: it / 257, "L") if mode == "I;16" else image.copy()
    expected = expected.convert("RGBA")
    for at in ((3, 3), (40, 20), (60, 45)):
        assert is_near(pixel(made, at), pixel(expected, at), 1)


@pytest.mark.parametrize("suffix", ["heic", "bmp", "jp2", "ico"])
def test_browsers_get_a_format_they_show(suffix: str) -> None:
    """JPEG, or PNG with alpha; never the original's own format."""
    kind = Format(suffix)

    assert effective(Transform(), original(kind), QUALITY).format is Format.JPEG
    assert effective(Transform(), original(kind, has_alpha=True), QUALITY).format is Format.PNG


def test_media_types_are_the_registered_ones() -> None:
    """As IANA lists them."""
    kinds = Format.HEIC, Format.BMP, Format.JP2, Format.ICO

    assert [kind.media_type for kind in kinds] == [
        "image/heic",
        "image/bmp",
        "image/jp2",
        "image/vnd.microsoft.icon",
    ]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_heic_is_turned_by_its_own_properties_and_once(tmp_path: Path, orientation: int) -> None:
    """`irot` and `imir` count; EXIF repeats them, and applying both would turn twice."""
    picture, exif = quadrants(), Image.Exif()
    exif[274] = orientation
    path = tmp_path / "a.heic"
    heif = pillow_heif.from_bytes("RGB", picture.size, picture.tobytes())
    heif.info["exif"] = exif.tobytes()
    heif.save(path, quality=95)
    picture.info["exif"] = exif.tobytes()
    upright = ImageOps.exif_transpose(picture)

    found = probe(str(path), LIMITS)
    made = seen(make(str(path), ""))

    assert (b"irot" in path.read_bytes()) is (orientation not in {1, 2, 4})
    assert (found.width, found.height) == made.size == upright.size
    assert is_near(corners(made), corners(upright), 3)


def test_an_embedded_profile_is_applied(tmp_path: Path) -> None:
    """A profile with red and blue swapped turns red into blue."""
    path = tmp_path / "a.heic"
    Image.new("RGB", (64, 64), (200, 40, 40)).save(path, icc_profile=swapped_profile())

    red, _, blue = pixel(seen(make(str(path), "")).convert("RGB"), (30, 30))

    assert blue > 150 > red


def test_display_p3_without_a_profile_is_converted(tmp_path: Path) -> None:
    """Phones may only name the colours: pure green of P3 lies outside sRGB, gray stays gray."""
    half = Image.new("RGB", (64, 64), (128, 128, 128))
    half.paste((220, 120, 120), (0, 0, 64, 32))
    plain, wide = tmp_path / "a.heic", tmp_path / "b.heic"
    half.save(plain, color_primaries=1, transfer_characteristics=13, quality=100)
    half.save(wide, color_primaries=12, transfer_characteristics=13, quality=100)

    top, bottom = ((32, 10), (32, 50))
    as_srgb, as_p3 = (seen(make(str(path), "")).convert("RGB") for path in (plain, wide))

    assert is_near(pixel(as_srgb, bottom), pixel(as_p3, bottom), 2)
    assert pixel(as_p3, top)[0] > pixel(as_srgb, top)[0] + 5
    assert pixel(as_p3, top)[1] < pixel(as_srgb, top)[1] - 2


def test_ten_bits_come_down_to_eight(tmp_path: Path) -> None:
    """Phones record HEIC in 10 bits."""
    levels = [[(1023 * across) // 63] * 3 for across in range(64)]
    row = b"".join(struct.pack("<3H", *(level << 6 for level in pixel_)) for pixel_ in levels)
    heif = pillow_heif.from_bytes("RGB;16", (64, 64), row * 64)
    path = tmp_path / "a.heic"
    heif.save(path, quality=-1)
    assert pillow_heif.open_heif(path, convert_hdr_to_8bit=False).info["bit_depth"] == 10

    made = seen(make(str(path), "")).convert("RGB")

    assert [abs(pixel(made, (x, 30))[0] - 255 * x // 63) <= 2 for x in range(64)] == [True] * 64


def _icons(path: Path, *pictures: tuple[Image.Image, str], lie: bool = False) -> str:
    """An ICO of a few pictures, each as `png` or `bmp`; optionally with wrong directory sizes."""
    bodies = []
    for picture, form in pictures:
        whole = io.BytesIO()
        picture.save(whole, "ico", sizes=[picture.size], bitmap_format=form)
        bodies.append(whole.getvalue()[22:])
    at, entries = 6 + 16 * len(bodies), b""
    for (picture, _), body in zip(pictures, bodies, strict=True):
        sides = (1, 1) if lie else picture.size
        entries += struct.pack("<4B2H2I", *sides, 0, 0, 1, 32, len(body), at)
        at += len(body)
    path.write_bytes(struct.pack("<3H", 0, 1, len(bodies)) + entries + b"".join(bodies))
    return str(path)


@pytest.mark.parametrize("lie", [False, True])
@pytest.mark.parametrize("form", ["png", "bmp"])
def test_the_largest_icon_is_shown(tmp_path: Path, form: str, lie: bool) -> None:
    """The size of the picture counts; the directory may be wrong."""
    small = Image.new("RGBA", (16, 16), (9, 9, 9, 255))
    path = _icons(tmp_path / "a.ico", (small, "png"), (quadrants().convert("RGBA"), form), lie=lie)

    found = probe(path, LIMITS)

    assert (found.width, found.height, found.has_alpha) == (96, 64, True)
    assert is_near(corners(seen(make(path, ""))), QUADRANTS, 0)


def test_damage_in_the_pixels_is_a_corrupt_image(tmp_path: Path) -> None:
    """A valid structure with damaged content is refused when it is decoded, not shown in part."""
    path = Path(save(tmp_path / "a.heic", gradient(256, 256)))
    data = bytearray(path.read_bytes())
    start = data.rindex(b"mdat") + 4
    data[start:] = bytes(len(data) - start)
    path.write_bytes(data)

    probe(str(path), LIMITS)
    with pytest.raises(CorruptImage, match="HEIC"):
        make(str(path), "w=10")


def test_heic_in_another_coding_is_refused_at_once(tmp_path: Path) -> None:
    """The container may have AV1, JPEG and raw pixels as well; only HEVC is decoded."""
    path = Path(save(tmp_path / "a.heic", gradient(64, 64)))
    path.write_bytes(path.read_bytes().replace(b"hvc1", b"unci"))

    with pytest.raises(CorruptImage, match="HEVC"):
        probe(str(path), LIMITS)


@pytest.mark.parametrize(
    ("at", "value", "says"),
    [
        (26, struct.pack("<H", 1), None),
        (28, struct.pack("<H", 7), "7 bits"),
        (18, struct.pack("<i", -5), "size"),
        (18, struct.pack("<i", 0), "size"),
        (30, struct.pack("<I", 4), "coding 4"),
        (10, struct.pack("<I", 3), "start at 3"),
        (10, struct.pack("<I", 1 << 31), "rows"),
        (14, struct.pack("<I", 64), None),
    ],
)
def test_bmp_headers_are_checked(tmp_path: Path, at: int, value: bytes, says: str | None) -> None:
    """False values are found before Pillow reads the file.

    Unusual but harmless ones pass or fail there.
    """
    path = Path(save(tmp_path / "a.bmp", gradient(32, 16)))
    data = bytearray(path.read_bytes())
    data[at : at + len(value)] = value
    path.write_bytes(data)

    try:
        probe(str(path), LIMITS)
    except CorruptImage as error:
        assert (says or "") in error.detail  # noqa: PT017 - either way is right
    else:
        assert says is None


def test_runs_are_bounded_since_they_are_decoded_slowly(tmp_path: Path) -> None:
    """A few bytes may declare any size, and Pillow processes runs one at a time."""
    head = struct.pack("<2sIII", b"BM", 56, 0, 54)
    wide = head + struct.pack("<IiiHHIIiiII", 40, 9000, 9000, 1, 8, 1, 2, 1, 1, 1, 1) + b"\0\1"
    (tmp_path / "a.bmp").write_bytes(wide)

    with pytest.raises(ImageTooLarge, match="run-length"):
        probe(str(tmp_path / "a.bmp"), LIMITS)


@pytest.mark.parametrize(
    ("at", "value", "says"),
    [
        (40, b"\0\5", "5 components"),
        (42, b"\x98", "25 bits"),
        (43, b"\x81", "subsampled 129"),
        (24, bytes(4), "tiles are invalid"),
        (24, b"\0\0\0\1\0\0\0\1", "tiles; the limit"),
        (8, bytes(4), "size is 0"),
    ],
)
def test_code_streams_are_checked(tmp_path: Path, at: int, value: bytes, says: str) -> None:
    """The SIZ segment decides what OpenJPEG allocates."""
    path = Path(save(tmp_path / "a.j2k", gradient(300, 300)))
    data = bytearray(path.read_bytes())
    data[at : at + len(value)] = value
    path.write_bytes(data)

    with pytest.raises((CorruptImage, ImageTooLarge), match=says):
        probe(str(path), LIMITS)


def test_the_memory_of_the_decoder_is_not_copied(tmp_path: Path) -> None:
    """Libvips reads the memory of the HEIC decoder directly."""
    path = save(tmp_path / "a.heic", gradient(70, 30))

    opened: Any = sources.open_source(mapped(path), Format.HEIC).picture

    expected = pillow_heif.open_heif(path).to_pillow().tobytes()
    assert opened.write_to_memory() == expected
