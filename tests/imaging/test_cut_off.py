"""WebP, AVIF, HEIC and JPEG 2000 that are truncated: refused at upload, or shown."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from PIL import Image

from imagesvc.errors import CorruptImage
from imagesvc.imaging.containers.tidy.jp2 import tidied
from tests.imaging.originals import busy
from tests.imaging.pictures import LIMITS, make, probe, save
from tests.imaging.sequences import changed, parsed, written

CUTS = 24
SIZE = (120, 80)


def picture(*, alpha: bool = False) -> Image.Image:
    """A picture of some kilobytes."""
    made = busy(*SIZE)
    if alpha:
        made.putalpha(Image.linear_gradient("L").resize(SIZE))
    return made


FILES: Mapping[str, Callable[[Path], str]] = {
    "lossy.webp": lambda path: save(path, picture(), quality=80),
    "lossless.webp": lambda path: save(path, picture(), lossless=True),
    "alpha.webp": lambda path: save(path, picture(alpha=True), quality=80),
    "moving.webp": lambda path: save(
        path, picture(), save_all=True, append_images=[picture().rotate(9)], duration=50
    ),
    "a.avif": lambda path: save(path, picture(), quality=80),
    "alpha.avif": lambda path: save(path, picture(alpha=True), quality=80),
    "moving.avif": lambda path: save(
        path, picture(), save_all=True, append_images=[picture().rotate(9)], duration=50
    ),
    "a.heic": lambda path: save(path, picture(), quality=80),
    "alpha.heic": lambda path: save(path, picture(alpha=True), quality=80),
    "a.jp2": lambda path: save(path, picture()),
    "tiles.jp2": lambda path: save(path, picture(), tile_size=(32, 32)),
    "layers.j2k": lambda path: save(
        path, picture(), quality_layers=[40, 20, 10], irreversible=True, progression="RPCL"
    ),
}


def plain(data: bytes, left: int) -> bytes:
    """A file of this many bytes."""
    return data[:left]


def fitted_boxes(data: bytes, left: int) -> bytes:
    """The last box ends at the end of the file; data that refers to it is unchanged."""
    *others, (kind, content) = parsed(data)
    return written([*others, (kind, content[: max(0, len(content) - (len(data) - left))])])


def fitted_item(data: bytes, left: int) -> bytes:
    """The only item has the length of its data, too."""

    def shorter(content: bytes) -> bytes:
        (size,) = struct.unpack(">I", content[-4:])
        return content[:-4] + struct.pack(">I", max(1, size - len(data) + left))

    return changed(fitted_boxes(data, left), (b"meta", b"iloc"), shorter)


def fitted_chunks(data: bytes, left: int) -> bytes:
    """A WebP of one chunk that ends at the end of the file."""
    body = data[20:left]
    padding = bytes(len(body) & 1)
    head = b"RIFF" + struct.pack("<I", 12 + len(body + padding)) + data[8:16]
    return head + struct.pack("<I", len(body)) + body + padding


WAYS: Mapping[str, tuple[Callable[[bytes, int], bytes], tuple[str, ...]]] = {
    "plain": (plain, tuple(FILES)),
    "fitted boxes": (fitted_boxes, ("a.avif", "alpha.avif", "moving.avif", "a.heic")),
    "fitted item": (fitted_item, ("a.avif", "a.heic")),
}
CASES = [(way, name) for way, (_, names) in WAYS.items() for name in names]


def places(size: int) -> Iterator[int]:
    """Positions at which files of a size are cut: at all parts, and near the end."""
    yield from (size * part // CUTS for part in range(1, CUTS))
    yield from (size - 1, size - 2, size - 5, size - 16)


@pytest.mark.parametrize(("way", "name"), CASES, ids=str)
def test_accepted_files_are_shown(tmp_path: Path, way: str, name: str) -> None:
    """This holds for every cut; nearly all are refused, with a reason."""
    data = Path(FILES[name](tmp_path / name)).read_bytes()
    path = tmp_path / f"cut-{name}"
    refused = []
    for place in places(len(data)):
        path.write_bytes(WAYS[way][0](data, place))
        try:
            found = probe(str(path), LIMITS)
        except CorruptImage as error:
            refused.append(error.detail)
        else:
            made = make(str(path), "w=40&format=png", frames=found.frames)
            assert made.width == 40
    assert refused
    assert all(refused)


@pytest.mark.parametrize("beyond", [-40, 0, 1, 10])
def test_a_lossy_stream_ends_behind_its_first_partition(tmp_path: Path, beyond: int) -> None:
    """If its chunk ends earlier, libwebp shows nothing of it."""
    data = Path(FILES["lossy.webp"](tmp_path / "a.webp")).read_bytes()
    first = int.from_bytes(data[20:23], "little") >> 5
    path = tmp_path / "b.webp"
    path.write_bytes(fitted_chunks(data, 20 + first + beyond))

    with pytest.raises(CorruptImage):
        probe(str(path), LIMITS)


@pytest.mark.parametrize(
    ("at", "value", "reason"),
    [
        (b"\xff\x90", b"\xff\x90\0\x0a\0\7", "out of order"),
        (b"\xff\x90", b"\xff\x90\0\x0b", "no header"),
        (b"\xff\x93", b"\xff\x94", "no data|cut off"),
        (b"\xff\x52", b"\xff\x64", "no COD"),
        (b"\xff\x5c", b"\xff\x64", "no QCD"),
        (b"\xff\x52", b"\xff\x52\0\x0c\x80", "COD segment"),
        (b"ftyp", b"free", "ftyp"),
    ],
    ids=str,
)
def test_a_jpeg_2000_that_contradicts_itself_is_refused(
    tmp_path: Path, at: bytes, value: bytes, reason: str
) -> None:
    """OpenJPEG decodes none of these files."""
    data = Path(FILES["a.jp2"](tmp_path / "a.jp2")).read_bytes()
    start = data.index(at)
    path = tmp_path / "b.jp2"
    path.write_bytes(data[:start] + value + data[start + len(value) :])

    with pytest.raises(CorruptImage, match=reason):
        probe(str(path), LIMITS)
    assert tidied(data) is None


@pytest.mark.parametrize(("name", "kind"), [("a.avif", b"av1C"), ("a.heic", b"hvcC")])
def test_a_picture_needs_settings_and_data(tmp_path: Path, name: str, kind: bytes) -> None:
    """It needs the decoder's settings, and an entry in the table of items."""
    data = Path(FILES[name](tmp_path / name)).read_bytes()
    place = (b"meta", b"iloc")
    for made, reason in (
        (data.replace(kind, b"free"), "no decoder settings"),
        (changed(data, place, lambda old: old[:6] + b"\0\0" + old[8:]), "no data"),
        (changed(data, place, lambda old: old[:-4] + bytes(4)), "no data"),
        (changed(data, place, lambda old: old[:-4] + b"\0\xff\xff\xff"), "outside"),
    ):
        path = tmp_path / f"b-{name}"
        path.write_bytes(made)

        with pytest.raises(CorruptImage, match=reason):
            probe(str(path), LIMITS)


def test_a_damaged_avif_is_shown_as_browsers_show_it(tmp_path: Path) -> None:
    """Pillow's decoder shows at least half of the files that the other one refuses."""
    data = Path(FILES["a.avif"](tmp_path / "a.avif")).read_bytes()
    start = data.index(b"mdat") + 40
    shown = 0
    for place in range(start, len(data), (len(data) - start) // 19):
        path = tmp_path / "b.avif"
        path.write_bytes(data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :])
        found = probe(str(path), LIMITS)
        try:
            made = make(str(path), "w=40&format=png", frames=found.frames)
        except CorruptImage:
            continue
        assert (made.width, made.height) == (40, 27)
        shown += 1
    assert shown >= 10


def test_a_webp_with_a_damaged_frame_shows_its_first(tmp_path: Path) -> None:
    """A GIF behaves the same way."""
    data = bytearray(
        Path(
            save(
                tmp_path / "a.webp",
                picture(),
                save_all=True,
                append_images=[picture().rotate(9)],
                lossless=True,
            )
        ).read_bytes()
    )
    at = data.rindex(b"VP8L") + 20
    data[at : at + 200] = bytes(200)
    path = tmp_path / "b.webp"
    path.write_bytes(data)

    assert probe(str(path), LIMITS).frames == 2
    assert make(str(path), "format=webp&w=40", frames=2).frames == 1
