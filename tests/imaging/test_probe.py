"""Identification: formats, sizes, limits and structure, from headers alone."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from imagesvc.errors import (
    CorruptImage,
    EmptyFile,
    ImagesvcError,
    ImageTooLarge,
    UnsupportedMediaType,
)
from imagesvc.imaging.limits import Limits
from tests.attack.hostile.directories import tiff
from tests.breadth import represented
from tests.imaging.pictures import (
    LIMITS,
    animation,
    gradient,
    make,
    oriented,
    png_16,
    png_chunk,
    probe,
    quadrants,
    save,
    seen,
)

SUFFIXES = ("jpg", "png", "gif", "webp", "avif", "tif", "heic", "bmp", "jp2", "ico")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_each_format_is_identified(tmp_path: Path, suffix: str) -> None:
    """Format, size and frames are correct for every file name."""
    path = Path(save(tmp_path / f"a.{suffix}", gradient(61, 37)))
    hidden = path.rename(tmp_path / "a.txt")

    found = probe(str(hidden), LIMITS)

    assert found.format.extension == suffix
    assert (found.width, found.height, found.frames) == (61, 37, 1)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_is_as_shown(tmp_path: Path, suffix: str, orientation: int) -> None:
    """Width and height are swapped if EXIF turns the picture by a quarter."""
    found = probe(oriented(tmp_path / f"a.{suffix}", quadrants(), orientation), LIMITS)

    assert (found.width, found.height) == (96, 64)
    assert found.exif.get("orientation", 1) == orientation


@pytest.mark.parametrize("suffix", ["gif", "webp"])
def test_frames_are_counted(tmp_path: Path, suffix: str) -> None:
    """Animations say how many frames they have."""
    assert probe(animation(tmp_path / f"a.{suffix}", 7), LIMITS).frames == 7


@pytest.mark.parametrize(
    ("mode", "suffix", "has_alpha"),
    [("RGB", "png", False), ("RGBA", "png", True), ("LA", "png", True), ("RGBA", "webp", True)],
)
def test_alpha_is_noticed(tmp_path: Path, mode: str, suffix: str, has_alpha: bool) -> None:
    """It decides the default format of variants."""
    path = save(tmp_path / f"a.{suffix}", Image.new(mode, (9, 9)))

    assert probe(path, LIMITS).has_alpha is has_alpha


def test_an_empty_file_has_a_specific_error(tmp_path: Path) -> None:
    """A client that sends an empty file gets a specific error."""
    path = tmp_path / "a.jpg"
    path.touch()

    with pytest.raises(EmptyFile):
        probe(str(path), LIMITS)


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><!-- x --><svg:svg/>", "SVG"),
        ("\ufeff<?xml version='1.0'?><svg/>".encode("utf-16-le"), "SVG"),
        (b"BM" + bytes(60), "Not an image"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"hello", "Not an image"),
        (b"\xff\xd8", "Not an image"),
    ],
)
def test_other_formats_are_unsupported_by_name(tmp_path: Path, head: bytes, name: str) -> None:
    """The error names the format, and the accepted formats."""
    path = tmp_path / "a.png"
    path.write_bytes(head)

    with pytest.raises(UnsupportedMediaType, match=name) as caught:
        probe(str(path), LIMITS)

    assert "JPEG, PNG, GIF, WebP, AVIF, TIFF, HEIC, BMP, JPEG 2000 and ICO" in caught.value.detail


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_truncated_files_are_refused_without_decoding(tmp_path: Path, suffix: str) -> None:
    """Cut at any of a hundred places, a file gives a known error, and is never accepted."""
    whole = Path(save(tmp_path / f"a.{suffix}", gradient(250, 180)))
    data = whole.read_bytes()
    cut = tmp_path / "cut"

    for part in range(1, 100):
        cut.write_bytes(data[: len(data) * part // 100])
        with pytest.raises((CorruptImage, UnsupportedMediaType)):
            probe(str(cut), LIMITS)


@pytest.mark.parametrize("suffix", represented(SUFFIXES, "jpg", "png", "tif", "heic"))
def test_flipped_bytes_never_raise_anything_else(tmp_path: Path, suffix: str) -> None:
    """Every exception of Pillow and libvips for damaged headers becomes one of our errors."""
    whole = Path(save(tmp_path / f"a.{suffix}", gradient(60, 40)))
    data = whole.read_bytes()
    damaged = tmp_path / "damaged"

    for at in range(0, min(len(data), 600), 3):
        for flip in (0xFF, 0x01):
            damaged.write_bytes(data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :])
            try:
                probe(str(damaged), LIMITS)
            except ImagesvcError as error:
                assert str(tmp_path) not in error.detail  # noqa: PT017 - either way is right


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_trailing_bytes_are_tolerated(tmp_path: Path, suffix: str) -> None:
    """Phones append videos and previews; viewers show such files."""
    path = Path(save(tmp_path / f"a.{suffix}", gradient()))
    with path.open("ab") as file:
        # An ISO media file is boxes to its end, so the junk is one.
        file.write(b"\0\0\0\x10free" + b"junkjunk")

    assert probe(str(path), LIMITS).width == 200


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_too_many_pixels_are_refused_with_the_numbers(tmp_path: Path, suffix: str) -> None:
    """The limit is inclusive; the error has both numbers."""
    path = save(tmp_path / f"a.{suffix}", gradient(128, 64))

    assert probe(path, Limits(8192, 1, 1 << 30)).width == 128
    with pytest.raises(ImageTooLarge, match=r"8,192 .*8,191"):
        probe(path, Limits(8191, 1, 1 << 30))


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "tif"])
def test_too_many_frames_are_refused(tmp_path: Path, suffix: str) -> None:
    """Frames are counted in the container, and counting stops at the limit."""
    frames = [Image.new("L", (9, 9), 20 * number) for number in range(6)]
    path = save(tmp_path / f"a.{suffix}", frames[0], save_all=True, append_images=frames[1:])

    with pytest.raises(ImageTooLarge, match=r"frames; the limit is 5"):
        probe(path, Limits(1000, 5, 1 << 30))


def test_all_frames_together_have_a_limit(tmp_path: Path) -> None:
    """The limit is four times that of one frame."""
    path = animation(tmp_path / "a.gif", 5, (40, 25))

    with pytest.raises(ImageTooLarge, match=r"5,000 pixels in its 5 frames; .*4,000"):
        probe(path, Limits(1000, 500, 1 << 30))


def test_the_predicted_memory_has_a_limit(tmp_path: Path) -> None:
    """A progressive JPEG holds its coefficients, a baseline one only some rows."""
    limits = Limits(100_000_000, 1, 32 << 20)
    picture = Image.new("RGB", (2000, 2000))

    assert probe(save(tmp_path / "a.jpg", picture), limits).width == 2000
    with pytest.raises(ImageTooLarge, match="memory"):
        probe(save(tmp_path / "b.jpg", picture, progressive=True, subsampling=0), limits)


def test_many_scans_are_refused(tmp_path: Path) -> None:
    """Each scan of a progressive JPEG costs a pass over the picture, and may have only 10 bytes."""
    data = Path(save(tmp_path / "a.jpg", Image.new("L", (256, 256)), progressive=True)).read_bytes()
    start = data.rindex(b"\xff\xda")
    scans = data[start:-2] * 2000
    (tmp_path / "b.jpg").write_bytes(data[:start] + scans + b"\xff\xd9")

    with pytest.raises(ImageTooLarge, match="scans"):
        probe(str(tmp_path / "b.jpg"), Limits(65_536, 1, 1 << 30))


def _png(path: Path, *chunks: bytes, colour: int = 0, size: tuple[int, int] = (1, 1)) -> str:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, colour, 0, 0, 0))
    tail = png_chunk(b"IDAT", zlib.compress(bytes(2))) + png_chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + tail)
    return str(path)


@pytest.mark.parametrize(
    ("make_file", "says"),
    [
        (lambda path: _png(path, colour=3), "no palette"),
        (lambda path: _png(path, size=(0, 5)), "size is 0 x 5"),
        (lambda path: _png(path, colour=5), "colour type 5"),
        (lambda path: _png(path, png_chunk(b"IHDR", bytes(13))), "two IHDR"),
    ],
)
def test_malformed_pngs_are_refused_with_the_error(
    tmp_path: Path, make_file: Any, says: str
) -> None:
    """The error is found in the chunks, before decoding."""
    with pytest.raises(CorruptImage, match=says):
        probe(make_file(tmp_path / "a.png"), LIMITS)


def test_a_gif_without_a_size_is_refused(tmp_path: Path) -> None:
    """Libvips would choose a size for it."""
    path = Path(save(tmp_path / "a.gif", Image.new("L", (9, 9))))
    data = bytearray(path.read_bytes())
    data[6:10] = bytes(4)
    path.write_bytes(data)

    with pytest.raises(CorruptImage, match="0 x 0"):
        probe(str(path), LIMITS)


def test_a_tiff_whose_pages_loop_is_refused(tmp_path: Path) -> None:
    """The second page points back at the first."""
    frames = [Image.new("L", (9, 9)), Image.new("L", (9, 9))]
    path = Path(save(tmp_path / "a.tif", frames[0], save_all=True, append_images=frames[1:]))
    data = bytearray(path.read_bytes())
    first = struct.unpack_from("<I", data, 4)[0]
    at = first + 2 + 12 * struct.unpack_from("<H", data, first)[0]
    second = struct.unpack_from("<I", data, at)[0]
    at = second + 2 + 12 * struct.unpack_from("<H", data, second)[0]
    struct.pack_into("<I", data, at, first)
    path.write_bytes(data)

    with pytest.raises(CorruptImage, match="loop"):
        probe(str(path), LIMITS)


def test_sixteen_bits_cost_twice_the_memory(tmp_path: Path) -> None:
    """The prediction counts bits and the file, not only pixels."""
    paths = (
        save(tmp_path / "a.png", Image.new("L", (500, 500))),
        png_16(tmp_path / "b.png", [[0] * 500] * 500, colour=0),
    )

    narrow, wide = (probe(path, LIMITS).decode_bytes - Path(path).stat().st_size for path in paths)

    assert wide - narrow == 500 * 500


def test_the_file_is_not_written(tmp_path: Path) -> None:
    """Originals are immutable: probing works on a read-only file."""
    path = save(tmp_path / "a.jpg", gradient())
    os.chmod(path, 0o400)  # noqa: PTH101 - a text path, as the store gives it
    before = Path(path).stat().st_mtime_ns

    probe(path, LIMITS)

    assert Path(path).stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("before", "word"),
    [
        (b"\xff" * 70_000, "stray bytes"),
        (b"\x00" * 70_000, "stray bytes"),
        (b"\xff\xe1\x00\x03a" * 10_001, "segments"),
    ],
    ids=["fill", "stray", "segments"],
)
def test_data_that_decoders_skip_slowly_is_refused(
    tmp_path: Path, before: bytes, word: str
) -> None:
    """50 MB of it would keep a worker busy for half a minute."""
    path = save(tmp_path / "a.jpg", gradient())
    data = Path(path).read_bytes()
    second = 2 + 2 + 16  # after the JFIF header
    (tmp_path / "b.jpg").write_bytes(data[:second] + before + data[second:])

    with pytest.raises(ImageTooLarge, match=word):
        probe(str(tmp_path / "b.jpg"), LIMITS)


def test_icons_that_share_their_picture_are_read_within_bounds(tmp_path: Path) -> None:
    """256 entries point at one PNG of 20,000 chunks."""
    chunk = png_chunk(b"ruBy", b"")
    picture = Path(_png(tmp_path / "a.png", *[chunk] * 20_000)).read_bytes()
    entry = struct.pack("<4B2H2I", 1, 1, 0, 0, 1, 32, len(picture), 6 + 16 * 256)
    (tmp_path / "a.ico").write_bytes(struct.pack("<3H", 0, 1, 256) + entry * 256 + picture)

    with pytest.raises(ImageTooLarge, match="too complex: more than 100,000 chunks"):
        probe(str(tmp_path / "a.ico"), LIMITS)


def test_directory_entries_that_share_their_values_are_refused(tmp_path: Path) -> None:
    """900 entries each claim the same million bytes; a decoder copies them for each."""
    path = Path(save(tmp_path / "a.tif", Image.new("L", (9, 9))))
    data = bytearray(path.read_bytes())
    at = struct.unpack_from("<I", data, 4)[0]
    count = struct.unpack_from("<H", data, at)[0]
    rows = bytes(data[at + 2 : at + 2 + 12 * count])
    values_at = len(data) + 2 + 12 * (count + 900) + 4
    rows += b"".join(struct.pack("<HHII", 40_000 + n, 1, 10**6, values_at) for n in range(900))
    struct.pack_into("<I", data, 4, len(data))
    path.write_bytes(data + struct.pack("<H", count + 900) + rows + bytes(4) + bytes(10**6))

    with pytest.raises(ImageTooLarge, match="its parts share the same bytes"):
        probe(str(path), LIMITS)


@pytest.mark.parametrize(("tag", "is_taken"), [(700, True), (34665, True), (279, False)])
def test_a_cut_off_value_matters_where_the_picture_needs_it(
    tmp_path: Path, tag: int, is_taken: bool
) -> None:
    """Truncated XMP and EXIF do not exclude a TIFF; truncated sizes of strips do."""
    content = tiff([(tag, 4, 1_000_000, 8)])
    path = tmp_path / "a.tif"
    path.write_bytes(content)

    if is_taken:
        assert probe(str(path), LIMITS).width == 8
        assert seen(make(str(path), "w=8")).size == (8, 8)
    else:
        with pytest.raises(CorruptImage, match="tag 279 are cut off"):
            probe(str(path), LIMITS)


def test_boxes_in_boxes_have_a_limit(tmp_path: Path) -> None:
    """3,000 levels in 24 kB."""
    data = Path(save(tmp_path / "a.avif", gradient())).read_bytes()
    at = data.index(b"meta") - 4
    end = at + struct.unpack_from(">I", data, at)[0]
    deep = b"".join(struct.pack(">I", 8 * level) + b"iprp" for level in range(3000, 0, -1))
    meta = struct.pack(">I", end - at + len(deep)) + data[at + 4 : end] + deep
    (tmp_path / "b.avif").write_bytes(data[:at] + meta + data[end:])

    with pytest.raises(ImageTooLarge, match="more than 8 levels of boxes"):
        probe(str(tmp_path / "b.avif"), LIMITS)
