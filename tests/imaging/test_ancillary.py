"""Damage beside the picture decides neither whether a file is accepted, nor what it shows."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from imagesvc.errors import CorruptImage
from tests.attack.hostile.jpeg import segment
from tests.imaging.pictures import (
    LIMITS,
    QUADRANTS,
    corners,
    is_near,
    make,
    png_chunk,
    probe,
    quadrants,
    save,
    seen,
    swapped_profile,
)

JUNK = b"\xff" * 37
TOLERANCE = 30


def written(suffix: str) -> bytes:
    """The quadrants as a file of a format."""
    file = io.BytesIO()
    options = {"lossless": True} if suffix == "webp" else {}
    kinds = {"jpg": "JPEG", "jp2": "JPEG2000", "heic": "HEIF"}
    quadrants().save(file, kinds.get(suffix, suffix.upper()), **options)
    return file.getvalue()


def wrong(chunk: bytes) -> bytes:
    """A PNG chunk with a wrong check sum."""
    return chunk[:-1] + bytes([chunk[-1] ^ 1])


def box(kind: bytes, content: bytes) -> bytes:
    """A box of AVIF, HEIC or JP2."""
    return struct.pack(">I", 8 + len(content)) + kind + content


def of_png() -> Iterator[tuple[str, bytes]]:
    """Chunks before and after the data."""
    data = written("png")
    before, after, end = data[:33], data[33:-12], data[-12:]
    for kind in (b"tEXt", b"zTXt", b"iTXt", b"iCCP", b"eXIf", b"gAMA", b"cHRM", b"sRGB", b"tRNS",
                 b"bKGD", b"pHYs", b"tIME", b"sBIT", b"sPLT", b"abCd", b"abcd"):  # fmt: skip
        for name, content in (("empty", b""), ("junk", JUNK)):
            chunk = png_chunk(kind, content)
            yield f"{kind.decode()} {name}", before + chunk + after + end
            yield f"{kind.decode()} {name} sum", before + wrong(chunk) + after + wrong(chunk) + end
    for name, content in (
        ("zTXt", b"a\0\7abc"),
        ("iTXt", b"a\0\1\7\0\0abc"),
        ("iCCP", b"a\0\7abc"),
    ):
        chunk = png_chunk(name.encode(), content)
        yield f"{name} of an unknown compression", before + chunk + after + end
    cut = struct.pack(">I", 1000) + b"tEXtabc"
    yield "a length beyond the end", before + after + cut + end
    yield "a text that is cut off", before + after + cut
    yield "a wrong sum of IEND", before + after + wrong(end)


def of_palette_png() -> Iterator[tuple[str, bytes]]:
    """Transparency of a palette."""
    file = io.BytesIO()
    quadrants().convert("P").save(file, "PNG")
    data = file.getvalue()
    at = data.find(b"IDAT") - 4
    yield "tRNS sum", data[:at] + wrong(png_chunk(b"tRNS", b"\1")) + data[at:]
    yield "tRNS long", data[:at] + png_chunk(b"tRNS", b"\xff" * 300) + data[at:]


def of_jpeg() -> Iterator[tuple[str, bytes]]:
    """Application segments and comments."""
    data = written("jpg")
    profile = b"ICC_PROFILE\0"
    parts = {
        "APP0": segment(0xE0, JUNK),
        "empty EXIF": segment(0xE1, b""),
        "EXIF": segment(0xE1, b"Exif\0\0" + JUNK),
        "orientation": segment(
            0xE1, b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\xff\0\0\0" + bytes(4)
        ),
        "XMP": segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:"),
        "empty profile": segment(0xE2, profile),
        "profile": segment(0xE2, profile + b"\1\1" + JUNK),
        "profile part 2 of 3": segment(0xE2, profile + b"\2\3" + swapped_profile()),
        "profile part 0 of 0": segment(0xE2, profile + b"\0\0abc"),
        "MPF": segment(0xE2, b"MPF\0II*\0\xff\xff\xff\xff"),
        "Photoshop": segment(0xED, b"Photoshop 3.0\x008BIM\4\4\0\0\xff\xff\xff\xff"),
        "Adobe": segment(0xEE, b"Adobe"),
        "comment": segment(0xFE, JUNK),
        "extended XMP": 30 * segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + bytes(60_000)),
    }
    for name, part in parts.items():
        yield name, data[:2] + part + data[2:]
    yield "junk behind", data + JUNK


def of_gif() -> Iterator[tuple[str, bytes]]:
    """Extensions before and after the frame."""
    data = written("gif")
    at = 13 + (3 << (data[10] & 7) + 1)
    parts = {
        "application": b"\x21\xff\x03abc\0",
        "loops": b"\x21\xff\x0bNETSCAPE2.0\x01\x01\0",
        "no loops": b"\x21\xff\x0bNETSCAPE2.0\0",
        "graphic control": b"\x21\xf9\x01\0\0",
        "twice": 2 * b"\x21\xf9\4\0\0\0\0\0",
        "text": b"\x21\x01\x01a\0",
        "unknown": b"\x21\x77\x03abc\0",
    }
    for name, part in parts.items():
        yield name, data[:at] + part + data[at:-1] + part + b";"
    yield "a comment that is cut off", data[:-1] + b"\x21\xfe\x50abc"
    yield "no trailer", data[:-1]
    yield "junk behind", data + JUNK


def of_webp() -> Iterator[tuple[str, bytes]]:
    """Chunks before and after the picture, and sizes that are off by one."""
    picture = written("webp")[12:]

    def riff(body: bytes, more: int = 0) -> bytes:
        return b"RIFF" + struct.pack("<I", 4 + len(body) + more) + b"WEBP" + body

    def chunk(kind: bytes, content: bytes) -> bytes:
        return kind + struct.pack("<I", len(content)) + content + bytes(len(content) & 1)

    def head(flags: int) -> bytes:
        return chunk(b"VP8X", bytes([flags, 0, 0, 0, 95, 0, 0, 63, 0, 0]))

    for flag, kind in ((8, b"EXIF"), (4, b"XMP "), (0x20, b"ICCP"), (0, b"ABCD"), (0, b"ANIM")):
        for name, content in (("empty", b""), ("junk", JUNK)):
            part, title = chunk(kind, content), f"{kind.decode()} {name}"
            yield f"{title} behind", riff(picture + part)
            yield f"{title} before", riff(part + picture)
            yield f"{title} announced", riff(head(flag) + picture + part)
            yield f"{title} not announced", riff(head(0) + part + picture)
    yield "announced and not there", riff(head(0x2C) + picture)
    yield "no padding", riff(picture + b"EXIF" + struct.pack("<I", 3) + b"abc", 1)
    yield "a chunk that is cut off", riff(picture + b"EXIF" + struct.pack("<I", 300) + b"abc")
    yield "three bytes behind", riff(picture + b"abc")
    yield "junk behind", riff(picture) + JUNK


def of_boxes(suffix: str) -> Iterator[tuple[str, bytes]]:
    """Boxes after the picture, and malformed boxes."""
    data = written(suffix)
    for kind in (b"free", b"uuid", b"zzzz", b"moov", b"xml "):
        yield f"{kind.decode()} behind", data + box(kind, b"\xff")
    yield "junk behind", data + JUNK
    yield "text behind", data + b"SEFT of a camera"
    yield "a box that is cut off", data + struct.pack(">I", 500) + b"freeabc"


def of_jp2() -> Iterator[tuple[str, bytes]]:
    """Boxes in the header box."""
    yield from of_boxes("jp2")
    data = written("jp2")
    at = data.find(b"jp2h") - 4
    size = struct.unpack(">I", data[at : at + 4])[0]
    parts = {
        "resolution": box(b"res ", JUNK),
        "colours": box(b"colr", b"\2\0\0abc"),
        "colours of an unknown method": box(b"colr", b"\x09\0\0abc"),
        "channels": box(b"cdef", b"\xff\xff\xff"),
        "palette": box(b"pclr", b"\0"),
        "mapping": box(b"cmap", b"\0\0\0\0"),
        "unknown": box(b"zzzz", b"1"),
    }
    for name, part in parts.items():
        head = struct.pack(">I", size + len(part)) + data[at + 4 : at + size]
        yield name, data[:at] + head + part + data[at + size :]


CASES = {
    "png": dict(of_png()),
    "palette.png": dict(of_palette_png()),
    "jpg": dict(of_jpeg()),
    "gif": dict(of_gif()),
    "webp": dict(of_webp()),
    "avif": dict(of_boxes("avif")),
    "heic": dict(of_boxes("heic")),
    "jp2": dict(of_jp2()),
}


@pytest.mark.parametrize("name", CASES)
def test_damage_beside_the_picture_is_ignored(name: str, tmp_path: Path) -> None:
    """Browsers show all of these as without the added data."""
    plain = quadrants().convert("P").convert("RGB") if "palette" in name else quadrants()
    expected = corners(plain) if "palette" in name else QUADRANTS
    assert len(CASES[name]) > 1
    for what, data in CASES[name].items():
        path = tmp_path / f"{what.replace(' ', '_')}.{name}"
        path.write_bytes(data)

        found = probe(str(path), LIMITS)
        shown = seen(make(str(path), "w=48&format=png")).convert("RGBA")

        assert (found.width, found.height) == (96, 64), what
        assert shown.size == (48, 32), what
        if "tRNS" not in what:
            assert is_near(corners(shown), expected, TOLERANCE), what
        assert "tRNS long" in what or not found.has_alpha or "png" not in name or "junk" in what


@pytest.mark.parametrize("size", [20, 60])
def test_a_truncated_picture_is_still_refused(size: int, tmp_path: Path) -> None:
    """Only data after the picture may be missing."""
    for suffix in ("png", "jpg", "gif", "webp", "avif", "heic", "jp2"):
        data = written(suffix)
        path = tmp_path / f"a.{suffix}"
        path.write_bytes(data[:-size])

        with pytest.raises(CorruptImage):
            probe(str(path), LIMITS)


def test_a_palette_has_only_valid_transparency(tmp_path: Path) -> None:
    """The header declared alpha, but the decoder found none."""
    data = dict(of_palette_png())["tRNS sum"]
    (tmp_path / "a.png").write_bytes(data)
    sound = save(tmp_path / "b.png", Image.new("P", (8, 8)), transparency=0)

    assert not probe(str(tmp_path / "a.png"), LIMITS).has_alpha
    assert probe(sound, LIMITS).has_alpha
