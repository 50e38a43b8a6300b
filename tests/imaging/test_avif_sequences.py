"""AVIF sequences: counted, shown and passed on as one animation, or as one picture."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pytest

from imagesvc.cache.copies import full_size
from imagesvc.errors import CorruptImage, ImageTooLarge, InvalidTransform
from imagesvc.imaging.analyse import analyse
from imagesvc.imaging.limits import Limits
from imagesvc.imaging.transforms.effective import effective
from imagesvc.imaging.transforms.transform import parse_text
from imagesvc.model.formats import Format
from tests.imaging.originals import REPOSITORY, request
from tests.imaging.pictures import (
    LIMITS,
    QUADRANTS,
    QUALITY,
    RED,
    corners,
    files,
    is_near,
    make,
    oriented,
    original,
    pixel,
    probe,
    quadrants,
    save,
    seen,
    swapped_profile,
)
from tests.imaging.sequences import (
    COLOUR,
    ENTRY,
    box,
    changed,
    moving,
    parsed,
    with_nclx,
    with_property,
    without_still,
    written,
)
from tests.imaging.test_gif import frames_of, timing

ORIENTATIONS = range(1, 9)


def put(path: Path, data: bytes) -> str:
    """Write a file; its path as text."""
    path.write_bytes(data)
    return str(path)


@pytest.fixture
def moves(tmp_path: Path) -> bytes:
    """Four frames."""
    return Path(moving(tmp_path / "moves.avif")).read_bytes()


@pytest.mark.parametrize("kind", ["webp", "gif"])
@pytest.mark.parametrize("query", ["", "w=30", "w=20&h=20&fit=cover", "rotate=90", "trim=1"])
def test_all_frames_are_kept(tmp_path: Path, kind: str, query: str) -> None:
    """Frames and their times are kept, as for GIF and WebP, with endless repetition."""
    path = moving(tmp_path / "a.avif")

    made = make(path, f"format={kind}&{query}".rstrip("&"), frames=4)

    assert probe(path, LIMITS).frames == made.frames == 4
    picture = seen(made)
    assert timing(picture) == (0, [70, 80, 90, 100])
    for number, frame in enumerate(frames_of(picture)):
        assert is_near(corners(frame)[3], QUADRANTS[number], 40)


def test_each_frame_can_be_requested(tmp_path: Path) -> None:
    """`frames` of the image and `frame` of its URLs count the same frames."""
    path = moving(tmp_path / "a.avif")

    shown = [corners(seen(make(path, f"frame={n}", frames=4)))[3] for n in range(4)]

    assert is_near(tuple(shown), QUADRANTS, 4)
    assert is_near(corners(seen(make(path, "format=jpeg", frames=4)))[3], RED, 16)
    with pytest.raises(InvalidTransform, match="from 0 to 3"):
        make(path, "frame=4", frames=4)


def test_an_animation_is_webp_by_default() -> None:
    """An AVIF variant would not be animated; one frame of it is still AVIF."""
    moves = original(Format.AVIF, frames=3)

    assert effective(parse_text("w=9"), moves, QUALITY).format is Format.WEBP
    assert effective(parse_text("w=9&frame=1"), moves, QUALITY).format is Format.AVIF
    assert effective(parse_text("w=9"), original(Format.AVIF), QUALITY).format is Format.AVIF
    assert full_size(moves).format is Format.WEBP


def test_analysis_and_variants_of_the_first_job(tmp_path: Path) -> None:
    """The analysis uses the first frame, the variants all frames."""
    path = moving(tmp_path / "a.avif")

    made = analyse(files(path), request(path, "w=40", "format=jpeg"))

    assert is_near(tuple(bytes.fromhex(made.analysis.dominant_color[1:])), RED, 8)
    assert [getattr(it, "frames", it) for it in made.outcomes] == [4, 1]


def test_a_sequence_needs_no_still_picture(tmp_path: Path, moves: bytes) -> None:
    """Encoders of videos write neither `pitm` nor any item."""
    path = put(tmp_path / "a.avif", without_still(moves))

    found = probe(path, LIMITS)

    assert b"pitm" not in Path(path).read_bytes()
    assert (found.format, found.width, found.height, found.frames) == (Format.AVIF, 60, 40, 4)
    assert is_near(corners(seen(make(path, "frame=1", frames=4)))[3], QUADRANTS[1], 4)


@pytest.mark.parametrize("brand", [b"avif", b"iso8"])
def test_a_file_that_claims_to_be_a_still_is_one(
    tmp_path: Path, moves: bytes, brand: bytes
) -> None:
    """The major brand decides, as in libavif and browsers."""
    path = put(tmp_path / "a.avif", moves.replace(b"ftypavis", b"ftyp" + brand))

    assert probe(path, LIMITS).frames == 1
    assert make(path, "format=webp").frames == 1


@pytest.mark.parametrize("alpha", [128, 0])
def test_alpha_moves_too(tmp_path: Path, alpha: int) -> None:
    """It is a separate track."""
    path = moving(tmp_path / "a.avif", alpha=alpha)

    assert probe(path, LIMITS).has_alpha
    for frame in frames_of(seen(make(path, "format=webp&lossless=1", frames=4))):
        assert abs(pixel(frame.convert("RGBA"), (40, 30))[3] - alpha) <= 2


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_frames_are_turned_as_stills_are(tmp_path: Path, moves: bytes, orientation: int) -> None:
    """They use the `irot` and `imir` that encoders write for each orientation."""
    still = oriented(tmp_path / "c.avif", quadrants(), orientation)
    data = moves
    listed = dict(parsed(Path(still).read_bytes()))[b"meta"][4:]
    for kind, content in parsed(dict(parsed(dict(parsed(listed))[b"iprp"]))[b"ipco"]):
        if kind in {b"irot", b"imir"}:
            data = with_property(data, kind, content)
    path = put(tmp_path / "a.avif", data)

    found, size = probe(path, LIMITS), (60, 40)
    shown = seen(make(path, "frame=0", frames=4)).convert("RGB")

    assert (data == moves) == (orientation == 1)
    assert (found.width, found.height) == shown.size == (size[::-1] if orientation > 4 else size)
    first = {1: (0, 0), 2: (1, 0), 3: (1, 1), 4: (0, 1), 5: (0, 0), 6: (1, 0), 7: (1, 1), 8: (0, 1)}
    across, down = first[orientation]
    at = across * (shown.width - 7) + 3, down * (shown.height - 7) + 3
    assert is_near(pixel(shown, at), (255, 255, 255), 4)
    assert seen(make(path, "w=20&format=webp", frames=4)).height == round(
        20 * shown.height / shown.width
    )


@pytest.mark.parametrize("codes", [(12, 13), (9, 16), (9, 18), (1, 8)], ids=str)
def test_named_colours_are_those_of_a_still(
    tmp_path: Path, moves: bytes, codes: tuple[int, int]
) -> None:
    """Display P3, PQ, HLG and linear light; PQ and HLG are decoded from 8 bits and not from 16."""
    still = Path(save(tmp_path / "b.avif", quadrants(), quality=90, subsampling="4:4:4"))
    listed = (b"meta", b"iprp", b"ipco", b"colr")
    colour = struct.pack(">HH", *codes)
    data = changed(still.read_bytes(), listed, lambda old: old[:4] + colour + old[8:])
    expected = corners(seen(make(put(still, data), "format=png")))
    path = put(tmp_path / "a.avif", with_nclx(moves, *codes))

    shown = [corners(seen(make(path, f"frame={n}&format=png", frames=4)))[3] for n in range(4)]
    animated = frames_of(seen(make(path, "format=webp&lossless=1&w=30", frames=4)))

    assert not is_near(expected, QUADRANTS, 12)
    assert is_near(tuple(shown), expected, 6)
    assert is_near(tuple(corners(it)[3] for it in animated), expected, 12)


def test_a_profile_counts(tmp_path: Path, moves: bytes) -> None:
    """Each frame is converted to sRGB with it."""
    path = put(tmp_path / "a.avif", with_property(moves, b"colr", b"prof" + swapped_profile()))

    shown = corners(seen(make(path, "frame=0", frames=4)))[3]

    assert is_near(shown, RED[::-1], 6)


@pytest.mark.parametrize(
    ("edits", "plays"),
    [
        (b"\1\0\0\1" + struct.pack(">IQ", 1, 100), 0),
        (b"\1\0\0\0" + struct.pack(">IQ", 1, 100), 1),
    ],
    ids=["repeated", "once"],
)
def test_how_often_it_is_shown(tmp_path: Path, moves: bytes, edits: bytes, plays: int) -> None:
    """The edit list determines it; libavif's own files repeat without end."""
    place = (*COLOUR[:2], b"edts", b"elst")
    path = put(tmp_path / "a.avif", changed(moves, place, lambda old: edits + old[16:]))

    assert timing(seen(make(path, "format=webp", frames=4)))[0] == plays


def test_a_number_of_plays(tmp_path: Path, moves: bytes) -> None:
    """The time of the track is that of three edits; a partial edit is shown whole."""
    for times, plays in ((300, 3), (301, 4)):
        whole = struct.pack(">Q", times)
        data = changed(moves, (*COLOUR[:2], b"tkhd"), lambda old: old[:28] + whole + old[36:])  # noqa: B023
        edit = struct.pack(">IQ", 1, 100)
        data = changed(
            data,
            (*COLOUR[:2], b"edts", b"elst"),
            lambda old: old[:4] + edit + old[16:],  # noqa: B023
        )
        path = put(tmp_path / "a.avif", data)

        assert timing(seen(make(path, "format=webp", frames=4)))[0] == plays


@pytest.mark.parametrize("duration", [0, 0xFFFFFFFF])
def test_unusual_times_are_harmless(tmp_path: Path, moves: bytes, duration: int) -> None:
    """There may be none at all, or more than any format holds."""
    runs = struct.pack(">IIII", 0, 1, 4, duration)
    path = put(tmp_path / "a.avif", changed(moves, (*COLOUR, b"stts"), lambda _: runs))

    assert probe(path, LIMITS).frames == 4
    for kind in ("webp", "gif"):
        assert make(path, f"format={kind}", frames=4).frames == 4


def test_a_damaged_frame_ends_the_animation(tmp_path: Path, moves: bytes) -> None:
    """The first frame is shown; a frame requested by number is shown unless it is damaged."""
    data = bytearray(moves)
    data[-24:] = bytes(24)
    path = put(tmp_path / "a.avif", bytes(data))

    assert probe(path, LIMITS).frames == 4
    assert make(path, "format=webp", frames=4).frames == 1
    assert is_near(corners(seen(make(path, "frame=1", frames=4)))[3], QUADRANTS[1], 4)
    with pytest.raises(CorruptImage):
        make(path, "frame=3", frames=4)


def test_too_many_frames_are_refused(tmp_path: Path) -> None:
    """The limits apply to their tables, and to their pixels together."""
    path = moving(tmp_path / "a.avif", 6)

    with pytest.raises(ImageTooLarge, match="6 frames; the limit is 5"):
        probe(path, Limits(max_pixels=10_000, max_frames=5, max_decode_bytes=1 << 30))
    with pytest.raises(ImageTooLarge, match="in its 6 frames"):
        probe(path, Limits(max_pixels=2400, max_frames=9, max_decode_bytes=1 << 30))


def test_without_libavif_the_still_picture_is_shown(tmp_path: Path, moves: bytes) -> None:
    """Pillow may be built without it; a sequence without a still picture is refused."""
    for name, data in (("a", moves), ("b", without_still(moves))):
        put(tmp_path / f"{name}.avif", data)
    script = f"""
import sys
sys.modules["PIL._avif"] = None
from tests.imaging.pictures import LIMITS, make, probe
from imagesvc.errors import Rejected
found = probe({str(tmp_path / "a.avif")!r}, LIMITS)
made = make({str(tmp_path / "a.avif")!r}, "format=webp")
print(found.frames, found.width, found.height, made.frames)
try:
    probe({str(tmp_path / "b.avif")!r}, LIMITS)
except Rejected as error:
    print(error.status, error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )

    still, refused = done.stdout.splitlines()
    assert still == "1 60 40 1"
    assert refused.startswith("415 ")


def test_boxes_are_written_as_they_were_read(moves: bytes) -> None:
    """These tests change only the boxes that they name."""
    assert written(parsed(moves)) == moves
    assert changed(moves, ENTRY, lambda entry: entry) == moves
    assert len(with_property(moves, b"free", b"")) == len(moves) + len(box(b"free", b""))
