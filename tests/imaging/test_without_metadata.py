"""Copies of originals without metadata, made without decoding pixels."""

from __future__ import annotations

import io
import struct

import pytest
from PIL import Image

from imagesvc.imaging.location.remove import reduced_copy
from imagesvc.imaging.messages import Withheld
from tests.imaging import places
from tests.imaging.places import HARMLESS, PROFILE, bare, chunk, exif, segment
from tests.imaging.test_location import LOCATED, XMP, kind_of, shown

TIME = struct.pack(">H5B", 2026, 1, 2, 3, 4, 5)
UPRIGHT = exif(orientation=1)
NAMED = "Ada's palette"


def _gif() -> bytes:
    """An animation with a comment, a plain text, XMP, and a loop that has more than its number."""
    content = places.gif()
    at = content.index(b"\x21\xff\x0bNETSCAPE2.0")
    text = b"\x21\x01\x0c" + bytes(12) + b"\x06by Ada\0"
    told = b"\x21\xff\x0bNETSCAPE2.0\x06by Ada\0"
    return content[:at] + text + told + content[at:]


TELLING = {
    **LOCATED,
    "jpeg harmless": places.jpeg(
        segment(0xE1, XMP + HARMLESS), segment(0xFE, b"by Ada"), segment(0xFE, b""), places.iptc()
    ),
    "jpeg upright": places.jpeg(segment(0xFE, b"by Ada"), block=UPRIGHT),
    "png harmless": places.png(
        chunk(b"eXIf", exif()), chunk(b"tIME", TIME), chunk(b"tEXt", b"Author\0Ada"),
        chunk(b"zTXt", b"Comment\0\0x"), chunk(b"sPLT", NAMED.encode() + b"\0\x08"),
    ),
    "png upright": places.png(chunk(b"eXIf", UPRIGHT)),
    "webp harmless": places.webp(xmp=HARMLESS),
    "webp upright": places.webp(exif=UPRIGHT, lossless=True),
    "gif harmless": _gif(),
}  # fmt: skip


def words_in(content: bytes) -> list[str]:
    """What `TELLING` has in its metadata: names, makers and times."""
    words = ("Ada", "Canon", "2026:01", "xmpmeta", "W5M0MpCehiHzreSzNTczkc9d", "8BIM", "tIME")
    return [word for word in words if word.encode() in content]


@pytest.mark.parametrize("name", TELLING)
def test_nothing_but_orientation_and_profile_is_left(name: str) -> None:
    """As Pillow reads it, and as bytes; the pixels are the same."""
    content = TELLING[name]

    made = reduced_copy(content, kind_of(content), Withheld.METADATA)

    assert made is not None
    assert words_in(made) == []
    assert places.traces(made) == []
    picture = Image.open(io.BytesIO(made))
    picture.load()
    orientation = Image.open(io.BytesIO(content)).getexif().get(0x0112, 1)
    if "raw profile" not in name:  # its orientation is one that browsers do not follow
        assert shown(made) == shown(content)
        assert dict(picture.getexif()) == ({} if orientation == 1 else {0x0112: orientation})
    assert not picture.getexif().get_ifd(0x8769)
    told = {"comment", "xmp", "photoshop", "XML:com.adobe.xmp", "Author", "Comment", "mp"}
    assert told.isdisjoint(picture.info)
    assert getattr(picture, "text", {}) == {}
    assert {kind for kind, _ in getattr(picture, "applist", [])} <= {"APP0", "APP1", "APP2"}
    assert reduced_copy(made, kind_of(made), Withheld.METADATA) == made


def test_loops_and_profiles_are_kept() -> None:
    """They are needed to show the picture as it is."""
    gif = reduced_copy(_gif(), kind_of(_gif()), Withheld.METADATA)
    content = TELLING["png harmless"]
    png = reduced_copy(content, kind_of(content), Withheld.METADATA)

    assert gif is not None
    assert png is not None
    looped = Image.open(io.BytesIO(places.gif())).info["loop"]
    assert Image.open(io.BytesIO(gif)).info["loop"] == looped
    assert Image.open(io.BytesIO(png)).info["icc_profile"] == PROFILE


@pytest.mark.parametrize("kind", ["AVIF", "HEIF", "TIFF", "BMP", "ICO", "JPEG2000"])
def test_other_formats_are_not_copied(kind: str) -> None:
    """That nothing is behind or between their parts is not proved: they are encoded again."""
    content = bare(kind)

    assert reduced_copy(content, kind_of(content), Withheld.METADATA) is None


def test_a_damaged_block_is_not_copied() -> None:
    """Decoders may read it in another way."""
    content = bare("JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0")

    assert reduced_copy(content, kind_of(content), Withheld.METADATA) is None
