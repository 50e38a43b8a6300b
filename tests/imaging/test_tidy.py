"""Texts and profiles never decide whether a picture is accepted, and cost little for any size."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from imagesvc.imaging.containers.budget import Budget
from imagesvc.imaging.containers.tidy import tidy
from imagesvc.imaging.containers.tidy.png import essential, tidied
from imagesvc.model.formats import Format
from tests.attack.hostile.jpeg import segment
from tests.imaging.pictures import (
    LIMITS,
    corners,
    gradient,
    is_near,
    make,
    png_chunk,
    probe,
    quadrants,
    save,
    seen,
    swapped_profile,
)

IDAT_AT = 33
"""The position of additional chunks in a PNG of Pillow."""


def with_chunks(picture: Image.Image, path: Path, *chunks: bytes) -> str:
    """Write a PNG with more chunks before its data."""
    data = Path(save(path, picture)).read_bytes()
    path.write_bytes(data[:IDAT_AT] + b"".join(chunks) + data[IDAT_AT:])
    return str(path)


@cache
def packed(kind: bytes, size: int, *, is_sound: bool = True) -> bytes:
    """A chunk that inflates to this many zeros, and may end in an error."""
    content = zlib.compress(bytes(size))
    start = b"a\0\1\0\0\0" if kind == b"iTXt" else b"a\0\0"
    return png_chunk(kind, start + (content if is_sound else content[:-4] + b"\1\2\3\4"))


def damaged(chunk: bytes) -> bytes:
    """The chunk with a wrong check sum."""
    return chunk[:-1] + bytes([chunk[-1] ^ 1])


OTHERS: dict[str, Callable[[], bytes]] = {
    "text_inflates": lambda: packed(b"zTXt", 17 << 20) * 20,
    "text_damaged": lambda: packed(b"zTXt", 17 << 20, is_sound=False) * 20,
    "international_text": lambda: packed(b"iTXt", 17 << 20) * 20,
    "profile_inflates": lambda: packed(b"iCCP", 17 << 20),
    "profile_damaged": lambda: packed(b"iCCP", 100_000, is_sound=False),
    "profiles": lambda: packed(b"iCCP", 1 << 20) * 20,
    "large_text": lambda: png_chunk(b"tEXt", b"a\0" + b"b" * (2 << 20)),
    "many_texts": lambda: png_chunk(b"tEXt", b"a\0b") * 10_000,
    "check_sum_of_a_text": lambda: damaged(png_chunk(b"tEXt", b"a\0b")),
    "check_sum_of_a_profile": lambda: damaged(packed(b"iCCP", 1000)),
    "unknown": lambda: png_chunk(b"ruBy", bytes(100_000)) * 20,
    "times": lambda: png_chunk(b"tIME", bytes(7)) * 10_000,
}

KEPT = {"profiles": [packed(b"iCCP", 1 << 20)]}
"""What remains of them: one sound profile."""


@pytest.mark.parametrize("name", OTHERS)
def test_no_text_or_profile_makes_a_picture_refused(tmp_path: Path, name: str) -> None:
    """It is accepted, and shown as without them; decoders are given the file without them."""
    path = with_chunks(quadrants(), tmp_path / "a.png", OTHERS[name]())
    plain = Path(with_chunks(quadrants(), tmp_path / "plain.png", *KEPT.get(name, ())))

    assert tidied(Path(path).read_bytes()) == plain.read_bytes()
    assert probe(path, LIMITS).width == 96
    assert is_near(corners(seen(make(path, "w=48"))), corners(quadrants()), 3)


@pytest.mark.parametrize("name", OTHERS)
def test_no_text_or_profile_makes_an_icon_refused(tmp_path: Path, name: str) -> None:
    """Icons are PNGs, too, but another decoder reads them."""
    inner = Path(with_chunks(quadrants(64, 64), tmp_path / "a.png", OTHERS[name]())).read_bytes()
    path = tmp_path / "a.ico"
    head = b"\0\0\1\0\1\0\x40\x40\0\0\1\0\x20\0"
    path.write_bytes(head + len(inner).to_bytes(4, "little") + b"\x16\0\0\0" + inner)

    assert probe(str(path), LIMITS).width == 64
    assert is_near(corners(seen(make(str(path), "w=32"))), corners(quadrants()), 3)


def test_profile_and_orientation_are_kept(tmp_path: Path) -> None:
    """A profile of 1.1 MB is used, and an orientation, beside a text that is left out."""
    exif = Image.Exif()
    exif[274] = 6
    profile = swapped_profile() + bytes(1_100_000)
    profile = len(profile).to_bytes(4, "big") + profile[4:]
    path = tmp_path / "a.png"
    quadrants().save(path, exif=exif, icc_profile=profile)
    plain = path.read_bytes()
    path.write_bytes(plain[:IDAT_AT] + packed(b"zTXt", 17 << 20) + plain[IDAT_AT:])
    (tmp_path / "b.png").write_bytes(plain)

    tidy = tidied(path.read_bytes())

    assert tidy is not None
    assert len(tidy) == len(plain)
    found = probe(str(path), LIMITS)
    assert (found.width, found.height, found.exif["orientation"]) == (64, 96, 6)
    shown = seen(make(str(path), "w=64"))
    assert shown.tobytes() == seen(make(str(tmp_path / "b.png"), "w=64")).tobytes()
    assert corners(shown) != corners(quadrants().transpose(Image.Transpose.ROTATE_270))


def test_usual_files_are_left_as_they_are(tmp_path: Path) -> None:
    """A short text, XMP and a profile cost no copy."""
    xmp = png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x/>")
    text = png_chunk(b"tEXt", b"Software\0imagesvc")
    path = tmp_path / "a.png"
    gradient().save(path, icc_profile=swapped_profile())
    data = path.read_bytes()
    data = data[:IDAT_AT] + xmp + text + data[IDAT_AT:]

    assert tidied(data) is None
    assert len(essential(data)) == len(data) - len(xmp) - len(text)


LARGE_TEXT = b"<x>" + bytes(5 << 20)


def _large(folder: Path, suffix: str) -> tuple[Path, Path]:
    """A picture with a profile, an orientation and 5 MB of text; the same without the text."""
    exif = Image.Exif()
    exif[274], exif[0x010F] = 6, "Maker"
    plain, large = folder / f"plain.{suffix}", folder / f"large.{suffix}"
    options: dict[str, Any] = {"exif": exif.tobytes(), "icc_profile": swapped_profile()}
    if suffix in {"jpg", "webp", "tif"}:
        options["quality"] = 95
    texts: dict[str, Any] = {"xmp": LARGE_TEXT}
    if suffix == "tif":
        options = {"icc_profile": swapped_profile()}
        options["tiffinfo"], texts = {274: 6, 271: "Maker"}, {}
        texts["tiffinfo"] = {**options["tiffinfo"], 700: LARGE_TEXT}
    if suffix == "jpg":
        quadrants().save(plain, **options)
        data = plain.read_bytes()
        text = b"".join(segment(marker, b"a" * 60_000) for marker in (0xFE, 0xE1, 0xED, 0xE5))
        large.write_bytes(data[:20] + text * 20 + data[20:])
    else:
        quadrants().save(plain, **options)
        quadrants().save(large, **{**options, **texts})
    return plain, large


@pytest.mark.parametrize("suffix", ["jpg", "webp", "tif", "avif", "heic"])
def test_large_texts_are_kept_from_decoders(tmp_path: Path, suffix: str) -> None:
    """The picture is as without them: turned, with its colours and its analysis."""
    plain, large = _large(tmp_path, suffix)
    found, kind = probe(str(large), LIMITS), probe(str(plain), LIMITS).format
    data = large.read_bytes()
    tidy_data = tidy.tidied(data, kind)

    assert len(data) > 4 << 20
    assert tidy_data != data
    expected = probe(str(plain), LIMITS)
    assert found == replace(  # time and memory go by the size of the file, too
        expected, decode_seconds=found.decode_seconds, decode_bytes=found.decode_bytes
    )
    assert found.exif["make"] == "Maker"
    assert seen(make(str(large), "w=64")).tobytes() == seen(make(str(plain), "w=64")).tobytes()
    assert tidy.tidied(plain.read_bytes(), kind) == plain.read_bytes()


@pytest.mark.parametrize("kind", tidy.TIDIERS)
def test_usual_metadata_costs_no_copy(tmp_path: Path, kind: Format) -> None:
    """This includes files that are large enough to be checked."""
    path = save(tmp_path / f"a.{kind.extension}", gradient(), icc_profile=swapped_profile())
    data = Path(path).read_bytes()

    assert tidy.TIDIERS[kind](data, tidy.MAX_METADATA_BYTES, Budget(len(data))) is None
