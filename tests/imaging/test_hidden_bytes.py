"""Bytes hidden in what decoding needs: behind pixels, in chunks that are too long, behind files."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from imagesvc.imaging.location.remove import reduced_copy
from imagesvc.imaging.messages import Withheld
from tests.imaging.places import MARK, PROFILE, bare, chunk, segment
from tests.imaging.test_location import kind_of, shown

SECRET = MARK * 2
PNG_HEAD = 33
"""Bytes of the signature and IHDR."""


def moving(kind: str, **options: Any) -> bytes:
    """An animation of three frames."""
    out = io.BytesIO()
    first, *others = (
        Image.effect_noise((40, 30), 20 + 20 * number).convert("RGB").convert("RGBA")
        for number in range(3)
    )
    first.putalpha(Image.linear_gradient("L").resize(first.size))
    first.save(out, kind, save_all=True, append_images=others, duration=80, **options)
    return out.getvalue()


def noise(kind: str, mode: str = "RGB", size: tuple[int, int] = (65, 49), **options: Any) -> bytes:
    """A picture of noise."""
    out = io.BytesIO()
    Image.effect_noise(size, 60).convert(mode).save(out, kind, **options)
    return out.getvalue()


def rgba(**options: Any) -> bytes:
    """A WebP with transparency."""
    out = io.BytesIO()
    picture = Image.effect_noise((65, 49), 60).convert("RGB")
    picture.putalpha(Image.effect_noise(picture.size, 60))
    picture.save(out, "WEBP", **options)
    return out.getvalue()


CLEAN = {
    "jpeg": noise("JPEG"),
    "jpeg 4:4:4": noise("JPEG", subsampling=0),
    "jpeg progressive": noise("JPEG", progressive=True),
    "jpeg gray": noise("JPEG", "L"),
    "jpeg CMYK": noise("JPEG", "CMYK"),
    "jpeg with restarts": noise("JPEG", restart_marker_rows=1),
    "jpeg of one pixel": noise("JPEG", size=(1, 1)),
    "png": noise("PNG"),
    "png gray": noise("PNG", "L"),
    "png of 16 bits": noise("PNG", "I;16"),
    "png of 1 bit": noise("PNG", "1"),
    "png palette": noise("PNG", "P", transparency=3),
    "png animated": moving("PNG"),
    "webp": noise("WEBP"),
    "webp lossless": noise("WEBP", lossless=True),
    "webp transparent": rgba(),
    "webp animated": moving("WEBP", minimize_size=True),
    "webp of one pixel": noise("WEBP", size=(1, 1)),
    "gif": noise("GIF", "P"),
    "gif interlaced": noise("GIF", "P", interlace=1),
    "gif animated": moving("GIF"),
    "gif of one pixel": noise("GIF", "P", size=(1, 1)),
}


@pytest.mark.parametrize("name", CLEAN)
def test_pixels_that_end_where_they_should_are_copied(name: str) -> None:
    """The copy shows the same; nothing is encoded again."""
    content = CLEAN[name]

    made = reduced_copy(content, kind_of(content), Withheld.METADATA)

    assert made is not None
    assert shown(made) == shown(content)


def interlaced(*, behind: bytes = b"") -> bytes:
    """A PNG of 3 x 5 pixels in the passes of Adam7, some of which are empty."""
    rows = b"".join(
        (b"\0" + bytes(columns)) * count
        for columns, count in ((1, 1), (0, 1), (1, 1), (1, 2), (2, 1), (1, 3), (3, 2))
        if columns
    )
    header = struct.pack(">IIBBBBB", 3, 5, 8, 0, 0, 0, 1)
    pixels = chunk(b"IDAT", zlib.compress(rows + behind))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


def test_the_rows_of_interlaced_pixels_are_counted() -> None:
    """Each pass has its own."""
    content = interlaced()
    Image.open(io.BytesIO(content)).load()

    assert reduced_copy(content, kind_of(content), Withheld.METADATA) == content
    assert reduced_copy(interlaced(behind=b"x"), kind_of(content), Withheld.METADATA) is None


def _with_idat(content: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """The PNG with other compressed pixels."""
    at, packed, others = PNG_HEAD, b"", b""
    while at < len(content):
        length, kind = int.from_bytes(content[at : at + 4]), content[at + 4 : at + 8]
        if kind == b"IDAT":
            packed += content[at + 8 : at + 8 + length]
        elif kind != b"IEND":
            others += content[at : at + 12 + length]
        at += 12 + length
    return content[:PNG_HEAD] + others + chunk(b"IDAT", change(packed)) + chunk(b"IEND", b"")


def png(*extra: bytes, content: bytes = CLEAN["png"]) -> bytes:
    """A PNG with further chunks behind its header."""
    return content[:PNG_HEAD] + b"".join(extra) + content[PNG_HEAD:]


def riff(content: bytes, change: Callable[[bytes, bytes], bytes]) -> bytes:
    """The WebP with other contents of its chunks, also of those in frames."""
    body = b"WEBP" + _chunks(content[12:], change)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def _chunks(content: bytes, change: Callable[[bytes, bytes], bytes]) -> bytes:
    at, made = 0, b""
    while at < len(content):
        kind, length = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        inner = content[at + 8 : at + 8 + length]
        inner = inner[:16] + _chunks(inner[16:], change) if kind == b"ANMF" else change(kind, inner)
        made += kind + len(inner).to_bytes(4, "little") + inner + bytes(len(inner) & 1)
        at += 8 + length + (length & 1)
    return made


def longer(wanted: bytes) -> Callable[[bytes, bytes], bytes]:
    """A change that makes chunks of one kind longer."""
    return lambda kind, content: content + SECRET if kind == wanted else content


def _first_partition(kind: bytes, content: bytes) -> bytes:
    if kind != b"VP8 ":
        return content
    tag = int.from_bytes(content[:3], "little")
    end = 10 + (tag >> 5)
    head = (tag + (len(SECRET) << 5)).to_bytes(3, "little")
    return head + content[3:end] + SECRET + content[end:]


def gif(content: bytes = CLEAN["gif"]) -> bytes:
    """A GIF with a sub-block behind the end of its codes."""
    return content[:-2] + bytes((len(SECRET),)) + SECRET + content[-2:]


SCAN = CLEAN["jpeg progressive"].index(b"\xff\xc4", CLEAN["jpeg progressive"].index(b"\xff\xda"))
RESTART = CLEAN["jpeg with restarts"].index(b"\xff\xd1")
CONTROL = b"\x21\xf9\x04\0\x05\0\0"
HIDDEN = {
    "jpeg before its end": CLEAN["jpeg"][:-2] + SECRET + b"\xff\xd9",
    "jpeg 4:4:4 before its end": CLEAN["jpeg 4:4:4"][:-2] + SECRET + b"\xff\xd9",
    "jpeg gray before its end": CLEAN["jpeg gray"][:-2] + SECRET + b"\xff\xd9",
    "jpeg behind a scan": CLEAN["jpeg progressive"][:SCAN] + SECRET
    + CLEAN["jpeg progressive"][SCAN:],
    "jpeg before a restart": CLEAN["jpeg with restarts"][:RESTART] + SECRET
    + CLEAN["jpeg with restarts"][RESTART:],
    "jpeg number of lines": CLEAN["jpeg"][:-2] + segment(0xDC, SECRET) + b"\xff\xd9",
    "png behind the stream": _with_idat(CLEAN["png"], lambda packed: packed + SECRET),
    "png behind the last row": _with_idat(
        CLEAN["png"], lambda packed: zlib.compress(zlib.decompress(packed) + SECRET)
    ),
    "png another IDAT": CLEAN["png"][:-12] + chunk(b"IDAT", SECRET) + chunk(b"IEND", b""),
    "png long gamma": png(chunk(b"gAMA", bytes(4) + SECRET)),
    "png two gammas": png(chunk(b"gAMA", bytes(4)), chunk(b"gAMA", SECRET[:4])),
    "png long transparency": png(chunk(b"tRNS", bytes(6) + SECRET)),
    "png behind the profile": png(
        chunk(b"iCCP", b"x\0\0" + zlib.compress(PROFILE) + SECRET)
    ),
    "png pixels of no frame": CLEAN["png"][:-12] + chunk(b"fdAT", SECRET) + chunk(b"IEND", b""),
    "png animated": CLEAN["png animated"][:-12] + chunk(b"fdAT", bytes(4) + SECRET)
    + chunk(b"IEND", b""),
    "webp": riff(CLEAN["webp"], longer(b"VP8 ")),
    "webp first partition": riff(CLEAN["webp"], _first_partition),
    "webp lossless": riff(CLEAN["webp lossless"], longer(b"VP8L")),
    "webp transparency": riff(CLEAN["webp transparent"], longer(b"ALPH")),
    "webp header": riff(CLEAN["webp transparent"], longer(b"VP8X")),
    "webp frames": riff(CLEAN["webp animated"], lambda kind, content: (
        content + SECRET if kind in {b"VP8 ", b"VP8L"} else content
    )),
    "webp second picture": riff(
        CLEAN["webp"] + b"VP8 " + len(SECRET).to_bytes(4, "little") + SECRET,
        lambda _kind, content: content,
    ),
    "gif behind its codes": gif(),
    "gif long control": CLEAN["gif"].replace(
        b"\x2c", CONTROL + bytes((len(SECRET),)) + SECRET + b"\0\x2c", 1
    ),
    "bmp": bare("BMP") + b"PK\x03\x04" + SECRET,
    "ico": bare("ICO", bitmap_format="bmp") + b"Exif\0\0" + SECRET,
    "avif": bare("AVIF") + b"PK\x03\x04" + SECRET,
    "tiff of JPEGs": bare("TIFF", compression="jpeg").replace(
        b"\xff\xd8", b"\xff\xd8" + segment(0xE1, b"Exif\0\0" + SECRET), 1
    ),
}  # fmt: skip


@pytest.mark.parametrize("withheld", Withheld)
@pytest.mark.parametrize("name", HIDDEN)
def test_hidden_bytes_are_not_copied(name: str, withheld: Withheld) -> None:
    """The file is encoded again."""
    content = HIDDEN[name]
    assert SECRET[:4] in content or name == "png behind the last row"

    assert reduced_copy(content, kind_of(content), withheld) is None
