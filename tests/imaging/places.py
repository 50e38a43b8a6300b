"""Files with a location, in every form of JPEG, PNG, WebP and GIF."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from typing import Any

from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from tests.imaging import pictures  # noqa: F401  # registers the writer of HEIC

LATITUDE, LONGITUDE = (48, 51, 3017), (2, 17, 4123)
"""Degrees, minutes and hundredths of seconds, as in EXIF."""
DEGREES = (b"48.8583806", b"2.2944528")
IN_XMP = (b"48,51.50283N", b"2,17.68716E")
SIGNS = tuple(
    struct.pack(f"{order}6I", d, 1, m, 1, s, 100)
    for order in "<>"
    for d, m, s in (LATITUDE, LONGITUDE)
)
MARK = b"Champ-de-Mars-7th"
"""Written wherever a location has a name."""
PROFILE = b"a colour profile".ljust(200, b".")


def traces(content: bytes) -> list[bytes]:
    """The traces of the location in a file: numbers and names, as bytes, text, UTF-16 and hex."""
    texts = (*DEGREES, *IN_XMP, MARK)
    words = [
        *SIGNS, *texts, *(text.decode().encode(kind) for text in texts for kind in UTF16),
        *(word.hex().encode() for word in (*SIGNS, *texts)), b"GPSLatitude", b"GpsLatitude",
    ]  # fmt: skip
    inflated = b"".join(_inflated(content))
    return [word for word in words if word in content or word in inflated]


UTF16 = ("utf-16-le", "utf-16-be")


def _inflated(content: bytes) -> list[bytes]:
    found = []
    at = content.find(b"\x78")
    while at >= 0:
        with contextlib.suppress(zlib.error):
            found.append(zlib.decompressobj().decompress(content[at : at + 65536], 1 << 16))
        at = content.find(b"\x78", at + 1)
    return found


def exif(*, orientation: int = 6, gps: bool = True, maker_note: bool = True) -> bytes:
    """An EXIF block as cameras write it, from the byte order mark on."""
    made = Image.Exif()
    made[0x010F], made[0x0110], made[0x0112] = "Canon", "EOS 90D", orientation
    made[0x8298] = "(c) Ada"
    shot: dict[int, Any] = made.get_ifd(0x8769)
    shot |= {
        0x829A: IFDRational(1, 100),
        0x9003: "2026:01:02 03:04:05",
        0x9286: b"ASCII\0\0\0" + DEGREES[0],
    }
    if maker_note:
        shot[0x927C] = b"maker\0" + SIGNS[0] + SIGNS[1] + MARK
    if gps:
        place: dict[int, Any] = made.get_ifd(0x8825)
        place |= {1: "N", 2: (48.0, 51.0, 30.17), 3: "E", 4: (2.0, 17.0, 41.23), 27: MARK}
    return made.tobytes().removeprefix(b"Exif\0\0")


def xmp(body: str = "", attributes: str = "") -> bytes:
    """An XMP packet with a place."""
    text = (
        '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:e="http://ns.adobe.com/exif/1.0/" '
        'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" '
        f"{attributes or PLACE_ATTRIBUTES}>{body}</rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    return text.encode()


PLACE_ATTRIBUTES = (
    f'e:GPSLatitude="{IN_XMP[0].decode()}" e:GPSLongitude="{IN_XMP[1].decode()}" '
    f'photoshop:City="{MARK.decode()}"'
)
HARMLESS = xmp(attributes='xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format="image/jpeg"')


def segment(marker: int, content: bytes) -> bytes:
    """A segment of JPEG."""
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2, "big") + content


def bare(kind: str, size: tuple[int, int] = (64, 48), **options: Any) -> bytes:
    """A picture without metadata."""
    out = io.BytesIO()
    across = Image.linear_gradient("L").resize(size)
    rings = Image.radial_gradient("L").resize(size)
    Image.merge("RGB", (across, rings, across)).save(out, kind, **options)
    return out.getvalue()


def jpeg(*extra: bytes, block: bytes | None = None, trailer: bytes = b"") -> bytes:
    """A JPEG with a profile, EXIF and further segments, and data after its end."""
    picture = bare("JPEG", icc_profile=PROFILE)
    block = exif() if block is None else block
    head = segment(0xE1, b"Exif\0\0" + block) if block else b""
    return picture[:2] + head + b"".join(extra) + picture[2:] + trailer


EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"


def extended_xmp() -> tuple[bytes, ...]:
    """A packet that continues in further segments, split in the middle of names and numbers."""
    guid, packet = b"0123456789ABCDEF" * 2, xmp(" " * 3000)
    head = xmp(attributes=f'xmpNote:HasExtendedXMP="{guid.decode()}"')
    middle = packet.find(b"GPSLatitude") + 5
    parts = ((0, packet[:middle]), (middle, packet[middle:]))
    sizes = len(packet).to_bytes(4, "big")
    return (
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + head),
        *(
            segment(0xE1, EXTENSION + guid + sizes + at.to_bytes(4, "big") + part)
            for at, part in parts
        ),
    )


def iptc() -> bytes:
    """A Photoshop segment with IPTC's city, and its own EXIF and XMP."""
    datasets = b"".join(
        bytes((0x1C, 2, number)) + len(MARK).to_bytes(2, "big") + MARK for number in (27, 90, 92)
    )
    blocks = b"".join(
        b"8BIM" + number.to_bytes(2, "big") + b"\0\0" + len(body).to_bytes(4, "big") + body
        + bytes(len(body) & 1)
        for number, body in ((0x0404, datasets), (0x0422, exif()), (0x0424, xmp()))
    )  # fmt: skip
    return segment(0xED, b"Photoshop 3.0\0" + blocks)


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of PNG."""
    checked = kind + content
    return len(content).to_bytes(4, "big") + checked + zlib.crc32(checked).to_bytes(4, "big")


def png(*extra: bytes, trailer: bytes = b"", **options: Any) -> bytes:
    """A PNG with a profile, and further chunks behind its header."""
    picture = bare("PNG", icc_profile=PROFILE, **options)
    return picture[:33] + b"".join(extra) + picture[33:] + trailer


def png_text(keyword: str, text: bytes, *, packed: bool, international: bool) -> bytes:
    """A text of PNG in one of its forms."""
    name = keyword.encode() + b"\0"
    body = zlib.compress(text) if packed else text
    if international:
        return chunk(b"iTXt", name + bytes((packed, 0)) + b"\0\0" + body)
    return chunk(b"zTXt", name + b"\0" + body) if packed else chunk(b"tEXt", name + body)


def raw_profile(name: str, content: bytes) -> bytes:
    """Metadata as ImageMagick keeps it in a text: hexadecimal digits."""
    digits = content.hex()
    lines = "\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
    text = f"\n{name}\n{len(content):8}\n{lines}\n".encode()
    return png_text(f"Raw profile type {name}", text, packed=True, international=False)


def webp(*extra: tuple[bytes, bytes], trailer: bytes = b"", **options: Any) -> bytes:
    """A WebP with a profile, EXIF and further chunks."""
    given = {"exif": b"Exif\0\0" + exif(), "xmp": xmp(), "icc_profile": PROFILE} | options
    picture = bare("WEBP", **given)
    more = b"".join(
        kind + len(content).to_bytes(4, "little") + content + bytes(len(content) & 1)
        for kind, content in extra
    )
    size = (len(picture) - 8 + len(more)).to_bytes(4, "little")
    return b"RIFF" + size + picture[8:] + more + trailer


def mpo() -> bytes:
    """Two JPEGs in one file, each with its own EXIF."""
    out = io.BytesIO()
    first, second = (Image.open(io.BytesIO(bare("JPEG", size))) for size in ((64, 48), (32, 24)))
    second.encoderinfo = {"exif": exif()}
    first.save(out, "MPO", save_all=True, append_images=[second], exif=exif())
    return out.getvalue()


def gif() -> bytes:
    """An animation with XMP and a comment."""
    frames = [Image.new("P", (30, 20), number) for number in range(3)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], loop=0, comment=MARK)
    content = out.getvalue()
    packet = xmp()
    magic = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
    return content[:-1] + b"!\xff\x0bXMP DataXMP" + packet + magic + b";"
