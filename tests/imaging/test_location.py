"""Copies of originals without their location, made without decoding pixels."""

from __future__ import annotations

import io
import os
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageSequence

from imagesvc.imaging.containers.magic import HEAD_BYTES, sniff
from imagesvc.imaging.location.remove import reduced_copy
from imagesvc.imaging.messages import Withheld
from imagesvc.model.formats import Format
from tests.imaging import places
from tests.imaging.fuzzing import mutated
from tests.imaging.places import HARMLESS, MARK, PROFILE, exif, segment, traces, xmp

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "3000"))
XMP = b"http://ns.adobe.com/xap/1.0/\0"
SECOND = places.jpeg()
VIDEO = b"\0\0\0\x18ftypmp42" + b"\0\0\0\x20udta\xa9xyz" + places.DEGREES[0] + MARK
TEXTS = [
    places.png_text(name, text, packed=packed, international=international)
    for packed in (False, True)
    for international in (False, True)
    for name, text in (("XML:com.adobe.xmp", xmp()), ("Comment", b"48.8583806, 2.2944528"))
]
LOCATED = {
    "jpeg EXIF": places.jpeg(),
    "jpeg XMP": places.jpeg(segment(0xE1, XMP + xmp())),
    "jpeg XMP in UTF-16": places.jpeg(segment(0xE1, XMP + xmp().decode().encode("utf-16"))),
    "jpeg extended XMP": places.jpeg(*places.extended_xmp()),
    "jpeg IPTC": places.jpeg(places.iptc()),
    "jpeg comment": places.jpeg(segment(0xFE, b"at 48.8583806 2.2944528")),
    "jpeg of makers": places.jpeg(segment(0xE7, MARK), segment(0xEC, xmp())),
    "jpeg second image": places.mpo(),
    "jpeg behind its end": places.jpeg(trailer=SECOND),
    "jpeg video": places.jpeg(trailer=VIDEO),
    "jpeg without EXIF": places.jpeg(places.iptc(), block=b"", trailer=SECOND),
    "png EXIF": places.png(places.chunk(b"eXIf", exif())),
    **{f"png text {number}": places.png(text) for number, text in enumerate(TEXTS)},
    **{
        f"png raw profile {name}": places.png(places.raw_profile(name, content))
        for name, content in (("exif", exif()), ("APP1", exif()), ("xmp", xmp()), ("iptc", MARK))
    },
    "png unknown chunk": places.png(places.chunk(b"plAc", MARK)),
    "png behind its end": places.png(trailer=SECOND),
    "webp EXIF and XMP": places.webp(),
    "webp EXIF alone": places.webp(xmp=b""),
    "webp lossless": places.webp(lossless=True),
    "webp unknown chunk": places.webp((b"PLAC", MARK)),
    "webp behind its end": places.webp(trailer=MARK),
    "gif": places.gif(),
}


def kind_of(content: bytes) -> Format:
    """The format of a file."""
    kind = sniff(content[:HEAD_BYTES])
    assert kind is not None
    return kind


def shown(content: bytes) -> tuple[object, ...]:
    """The visible content of a file: pixels of each frame, timing, orientation and profile."""
    picture = Image.open(io.BytesIO(content))
    frames = 1 if picture.format == "MPO" else None
    pixels = [
        (frame.size, frame.convert("RGBA").tobytes(), frame.info.get("duration"))
        for _, frame in zip(range(frames or 1000), ImageSequence.Iterator(picture), strict=False)
    ]
    orientation = picture.getexif().get(0x0112, 1)
    return pixels, orientation, picture.info.get("icc_profile"), picture.mode


@pytest.mark.parametrize("name", LOCATED)
def test_no_location_is_left_and_every_pixel_is_kept(name: str) -> None:
    """The location is searched in each encoding; the visible content is the same."""
    content = LOCATED[name]
    assert traces(content), "the file to begin with has no place"

    made = reduced_copy(content, kind_of(content), Withheld.LOCATION)

    assert made is not None
    assert traces(made) == []
    if "raw profile" not in name:  # its orientation is one that browsers do not follow
        assert shown(made) == shown(content)
    assert reduced_copy(made, kind_of(made), Withheld.LOCATION) == made


def test_metadata_without_a_location_is_kept() -> None:
    """Camera, exposure, copyright, orientation, harmless XMP and comments are kept."""
    content = places.jpeg(segment(0xE1, XMP + HARMLESS), segment(0xFE, b"made by hand"))

    made = reduced_copy(content, Format.JPEG, Withheld.LOCATION)

    assert made is not None
    found = Image.open(io.BytesIO(made)).getexif()
    assert (found[0x010F], found[0x0110], found[0x0112]) == ("Canon", "EOS 90D", 6)
    assert found[0x8298] == "(c) Ada"
    assert found.get_ifd(0x8769)[0x9003] == "2026:01:02 03:04:05"
    assert float(found.get_ifd(0x8769)[0x829A]) == pytest.approx(0.01)
    assert not found.get_ifd(0x8825)
    assert HARMLESS in made
    assert b"made by hand" in made
    assert Image.open(io.BytesIO(made)).info["icc_profile"] == PROFILE


def test_a_text_that_reaches_into_other_values_is_left_out() -> None:
    """The length of the maker's name includes the directory of the location."""
    block = exif()
    at = block.index(b"\x01\x0f\x00\x02") + 4
    stretched = block[:at] + (len(block) - 100).to_bytes(4, "big") + block[at + 4 :]

    made = reduced_copy(places.jpeg(block=stretched), Format.JPEG, Withheld.LOCATION)

    assert made is not None
    assert traces(made) == []


def test_both_byte_orders_are_read() -> None:
    """Pillow writes one, other programs the other."""
    assert exif().startswith(b"MM")
    made = reduced_copy(places.jpeg(block=_little_endian()), Format.JPEG, Withheld.LOCATION)

    assert made is not None
    assert traces(made) == []
    assert Image.open(io.BytesIO(made)).getexif()[0x0112] == 6


def _little_endian() -> bytes:
    orientation = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)
    pointer = struct.pack("<HHII", 0x8825, 4, 1, 38)
    place = struct.pack("<HHHI4sHHII", 2, 1, 2, 2, b"N", 2, 5, 3, 68) + bytes(4)
    rationals = struct.pack("<6I", 48, 1, 51, 1, 3017, 100)
    return (
        b"II*\0" + struct.pack("<IH", 8, 2) + orientation + pointer + bytes(4) + place + rationals
    )


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_file_without_metadata_is_its_own_copy(kind: str) -> None:
    """The stored file is sent."""
    content = places.bare(kind)

    assert reduced_copy(content, kind_of(content), Withheld.LOCATION) == content


DAMAGED = {
    "two EXIF segments": places.jpeg(segment(0xE1, b"Exif\0\0" + exif())),
    "EXIF without byte order": places.jpeg(block=b"XX" + exif()[2:]),
    "EXIF cut off": places.jpeg(block=exif()[:40]),
    "EXIF pointer of a wrong type": places.jpeg(
        block=exif().replace(b"\x87\x69\0\x04", b"\x87\x69\0\x03")
    ),
    "bytes between segments": places.jpeg(MARK),
    "no end": places.jpeg()[:-2],
    "png cut off": places.png(places.chunk(b"eXIf", exif()))[:-20],
    "png two EXIF": places.png(places.chunk(b"eXIf", exif()), places.chunk(b"eXIf", exif())),
    "png critical chunk": places.png(places.chunk(b"PLAC", MARK)),
    "webp cut off": places.webp()[:-20],
    "webp two EXIF": places.webp((b"EXIF", exif())),
    "gif cut off": places.gif()[:60],
    "gif cut off in its colours": places.gif()[:16],
}


@pytest.mark.parametrize("name", DAMAGED)
def test_unparsed_data_is_not_delivered(name: str) -> None:
    """A variant is delivered instead of a copy that decoders may read differently."""
    content = DAMAGED[name]

    assert reduced_copy(content, kind_of(content), Withheld.LOCATION) is None


@pytest.mark.parametrize(
    ("content", "kind", "is_kept"),
    [
        (places.bare("AVIF"), Format.AVIF, True),
        (places.bare("AVIF", exif=b"Exif\0\0" + exif()), Format.AVIF, False),
        (places.bare("AVIF", xmp=xmp()), Format.AVIF, False),
        (places.bare("HEIF"), Format.HEIC, True),
        (places.bare("HEIF", exif=b"Exif\0\0" + exif()), Format.HEIC, False),
        (places.bare("HEIF", xmp=xmp()), Format.HEIC, False),
        (places.bare("HEIF", exif=exif()).replace(b"Exif", b"Ex\0f"), Format.HEIC, False),
        (places.bare("AVIF", xmp=xmp()).replace(b"mime", b"mi\0e"), Format.AVIF, False),
        (places.bare("TIFF"), Format.TIFF, True),
        (places.bare("TIFF", compression="tiff_lzw"), Format.TIFF, True),
        (places.bare("TIFF", exif=exif()), Format.TIFF, False),
        (places.bare("TIFF", tiffinfo={700: xmp()}), Format.TIFF, False),
        (places.bare("TIFF", big_tiff=True), Format.TIFF, False),
        (places.bare("JPEG2000"), Format.JP2, True),
        (places.bare("JPEG2000") + b"\0\0\0\x20uuid" + MARK, Format.JP2, False),
        (places.bare("BMP"), Format.BMP, True),
        (places.bare("ICO"), Format.ICO, False),
        (places.bare("ICO", bitmap_format="bmp"), Format.ICO, True),
    ],
)
def test_other_formats_are_kept_only_without_metadata(
    content: bytes, kind: Format, is_kept: bool
) -> None:
    """No data is removed from them: they are delivered unchanged, or as a variant."""
    assert reduced_copy(content, kind, Withheld.LOCATION) == (content if is_kept else None)


def test_gif_metadata_inside_of_a_frame_is_not_kept() -> None:
    """A frame begins where the bytes of another block have been doubled, and reaches into XMP."""
    content = places.gif()
    damaged = content[:60] + content[28:]

    assert reduced_copy(damaged, Format.GIF, Withheld.LOCATION) is None


@settings(max_examples=3 * settings().max_examples)
@given(st.sampled_from(sorted(LOCATED)), st.data())
def test_damage_never_reveals_the_location(name: str, data: st.DataObject) -> None:
    """Bytes are changed, removed or doubled: a copy has no trace, or there is no copy."""
    content = bytearray(LOCATED[name])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(12, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        start = data.draw(st.integers(12, len(content) - 1))
        stop = data.draw(st.integers(start, min(len(content), start + 40)))
        content[start:stop] = content[start:stop] * data.draw(st.sampled_from([0, 2]))
    damaged = bytes(content)
    kind = sniff(damaged[:HEAD_BYTES])

    made = None if kind is None else reduced_copy(damaged, kind, Withheld.LOCATION)

    if made is not None and kind is not None:
        assert [word for word in traces(made) if word in (*places.SIGNS, *places.IN_XMP)] == []
        assert reduced_copy(made, kind, Withheld.LOCATION) == made


@pytest.mark.long
@pytest.mark.timeout(3600)
@settings(max_examples=EXAMPLES, database=None)
@given(mutated(tuple(LOCATED.values())))
def test_damaged_files_are_copied_or_not_at_length(content: bytes) -> None:
    """A copy of a copy is the same, for every change."""
    kind = sniff(content[:HEAD_BYTES])
    made = None if kind is None else reduced_copy(content, kind, Withheld.LOCATION)

    assert made is None or kind is None or reduced_copy(made, kind, Withheld.LOCATION) == made


@settings(max_examples=2 * settings().max_examples)
@given(st.binary(max_size=400), st.sampled_from(sorted(Format)))
def test_any_bytes_are_read_without_a_crash(content: bytes, kind: Format) -> None:
    """The bytes are untrusted."""
    starts = {Format.JPEG: b"\xff\xd8", Format.PNG: b"\x89PNG\r\n\x1a\n", Format.GIF: b"GIF89a"}
    head = starts.get(kind, b"RIFF\x40\0\0\0WEBP" if kind is Format.WEBP else b"")

    made = reduced_copy(head + content, kind, Withheld.LOCATION)

    assert made is None or isinstance(made, bytes)
