"""Animated PNG: counted, shown and passed on as one animation, or as one picture."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from imagesvc.errors import InvalidTransform
from imagesvc.imaging.containers.png.apng import animation as animated
from imagesvc.imaging.containers.png.png import SIGNATURE
from imagesvc.imaging.transforms.effective import effective
from imagesvc.imaging.transforms.transform import parse_text
from imagesvc.model.formats import Format
from tests.imaging.pictures import (
    BLUE,
    GREEN,
    LIMITS,
    QUADRANTS,
    QUALITY,
    RED,
    animation,
    corners,
    gradient,
    is_near,
    make,
    original,
    pixel,
    png_chunk,
    probe,
    save,
    seen,
)
from tests.imaging.test_gif import frames_of, timing


def chunks_of(path: str | Path) -> list[tuple[bytes, bytes]]:
    """Kind and data of each chunk of a PNG."""
    data, at, found = Path(path).read_bytes(), 8, []
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        found.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


def write(path: Path, chunks: list[tuple[bytes, bytes]]) -> str:
    """A PNG of chunks."""
    path.write_bytes(SIGNATURE + b"".join(png_chunk(*chunk) for chunk in chunks))
    return str(path)


@pytest.mark.parametrize("kind", ["webp", "gif"])
@pytest.mark.parametrize("query", ["", "w=30", "w=20&h=20&fit=cover", "rotate=90", "trim=1"])
def test_all_frames_are_kept(tmp_path: Path, kind: str, query: str) -> None:
    """Frames, their times and the number of loops are kept, as for GIF and WebP."""
    path = animation(tmp_path / "a.png")

    made = make(path, f"format={kind}&{query}".rstrip("&"), frames=4)

    assert probe(path, LIMITS).frames == made.frames == 4
    picture = seen(made)
    loop, delays = timing(picture)
    assert (loop, delays) == (3 - (kind == "gif"), [70] * 4)
    for number, frame in enumerate(frames_of(picture)):
        assert is_near(corners(frame)[3], QUADRANTS[number], 40)


def test_each_frame_can_be_requested(tmp_path: Path) -> None:
    """`frames` of the image and `frame` of its URLs count the same frames."""
    path = animation(tmp_path / "a.png")

    shown = [corners(seen(make(path, f"frame={n}", frames=4)))[3] for n in range(4)]

    assert shown == list(QUADRANTS)
    assert is_near(corners(seen(make(path, "format=jpeg", frames=4)))[3], RED, 16)
    with pytest.raises(InvalidTransform, match="from 0 to 3"):
        make(path, "frame=4", frames=4)


def test_an_animation_is_webp_by_default() -> None:
    """A PNG variant would not be animated; one frame of it is still a PNG."""
    moving = original(Format.PNG, frames=3)

    assert effective(parse_text("w=9"), moving, QUALITY).format is Format.WEBP
    assert effective(parse_text("w=9&frame=1"), moving, QUALITY).format is Format.PNG
    assert effective(parse_text("w=9"), original(Format.PNG), QUALITY).format is Format.PNG


def test_partial_frames_are_composed(tmp_path: Path) -> None:
    """The frames use blending, and the three disposals: keep, clear, and restore."""
    frames = []
    for number, colour in enumerate((RED, GREEN, BLUE, RED)):
        frame = Image.new("RGBA", (24, 16))
        frame.paste((*colour, 255), (2 + 4 * number, 2, 10 + 4 * number, 12))
        frames.append(frame)
    path = save(
        tmp_path / "a.png", frames[0], save_all=True, append_images=frames[1:],
        disposal=[0, 1, 2, 0], blend=[0, 1, 1, 1],
    )  # fmt: skip

    shown = frames_of(seen(make(path, "format=webp&lossless=1", frames=4)))

    red, green, blue, nothing = (*RED, 255), (*GREEN, 255), (*BLUE, 255), (0, 0, 0, 0)
    assert [[pixel(it, (left, 4)) for left in (4, 8, 12, 16, 20)] for it in shown] == [
        [red, red, nothing, nothing, nothing],
        [red, green, green, nothing, nothing],
        [nothing, nothing, blue, blue, nothing],
        [nothing, nothing, nothing, red, red],
    ]


def test_half_transparent_pixels_are_blended(tmp_path: Path) -> None:
    """The result is that of the specification and of browsers, here over opaque red."""
    red, blue = Image.new("RGBA", (8, 8), (*RED, 255)), Image.new("RGBA", (8, 8), (*BLUE, 128))
    path = save(
        tmp_path / "a.png", red, save_all=True, append_images=[blue], disposal=0, blend=[0, 1]
    )

    second = seen(make(path, "frame=1", frames=2)).convert("RGBA")

    assert is_near(pixel(second, (4, 4)), pixel(Image.alpha_composite(red, blue), (4, 4)), 2)


def test_a_fallback_picture_is_not_a_frame(tmp_path: Path) -> None:
    """Browsers never show it, and no variant does."""
    path = animation(tmp_path / "a.png", 3)
    plain = save(tmp_path / "b.png", Image.new("RGB", (60, 40), (9, 9, 9)))
    chunks = chunks_of(path)
    hidden = next(body for kind, body in chunks_of(plain) if kind == b"IDAT")
    control = next(at for at, (kind, _) in enumerate(chunks) if kind == b"fcTL")
    data = b"".join(body for kind, body in chunks if kind == b"IDAT")
    moved = [it for it in chunks[: control + 1] if it[0] != b"fcTL"]
    moved += [(b"IDAT", hidden), chunks[control], (b"fdAT", struct.pack(">I", 1) + data)]
    number = 2
    for kind, body in chunks[control + 1 :]:
        if kind in {b"fcTL", b"fdAT"}:
            moved.append((kind, struct.pack(">I", number) + body[4:]))
            number += 1
    write(tmp_path / "c.png", [*moved, (b"IEND", b"")])

    path = str(tmp_path / "c.png")
    assert probe(path, LIMITS).frames == 3
    assert corners(seen(make(path, "frame=0", frames=3)))[3] == RED
    assert corners(seen(make(path, "format=png", frames=3)))[3] == RED
    assert len(frames_of(seen(make(path, "format=webp", frames=3)))) == 3


@pytest.mark.parametrize("fault", ["count", "order", "outside", "no data"])
def test_a_broken_animation_is_one_picture(tmp_path: Path, fault: str) -> None:
    """As in browsers, JSON says one frame, and every variant shows it."""
    chunks = []
    for kind, body in chunks_of(animation(tmp_path / "a.png", 3)):
        text = body
        if fault == "count" and kind == b"acTL":
            text = struct.pack(">II", 5, 0)
        if fault == "order" and kind == b"fdAT":
            text = struct.pack(">I", 77) + body[4:]
        if fault == "outside" and kind == b"fcTL":
            text = body[:4] + struct.pack(">IIII", 60, 40, 1, 0) + body[20:]
        if fault != "no data" or kind != b"fdAT":
            chunks.append((kind, text))
    path = write(tmp_path / "b.png", chunks)

    assert probe(path, LIMITS).frames == 1
    assert len(frames_of(seen(make(path, "format=webp")))) == 1
    assert corners(seen(make(path, "format=png")))[3] == RED


def test_a_damaged_frame_ends_the_animation(tmp_path: Path) -> None:
    """One frame is shown; a frame requested by number is shown up to its damage."""
    chunks = chunks_of(animation(tmp_path / "a.png", 3, (96, 640)))
    last = max(at for at, (kind, _) in enumerate(chunks) if kind == b"fdAT")
    chunks[last] = (b"fdAT", chunks[last][1][:12])
    path = write(tmp_path / "b.png", chunks)

    assert make(path, "format=webp", frames=3).frames == 1
    assert corners(seen(make(path, "frame=1", frames=3)))[3] == GREEN
    assert make(path, "frame=2", frames=3).frames == 1


def test_palette_and_transparency_hold_for_all_frames_once(tmp_path: Path) -> None:
    """Repeated chunks are ignored, as in browsers: they would be copied into each frame."""
    chunks = chunks_of(animation(tmp_path / "a.png", 3))
    again = [(b"tRNS", bytes(6)), (b"tRNS", b"\0\xff\0\0\0\0"), (b"PLTE", bytes(769))]
    again += [(b"tRNS", bytes(257)), (b"PLTE", bytes(3)), (b"PLTE", bytes(6))]
    path = write(
        tmp_path / "b.png", [chunks[0], *again, *chunks[1:-1], (b"tRNS", bytes(6)), chunks[-1]]
    )

    moves = animated(Path(path).read_bytes())

    assert moves is not None
    assert moves.shared == png_chunk(b"tRNS", bytes(6)) + png_chunk(b"PLTE", bytes(3))
    assert probe(path, LIMITS).frames == len(moves.frames) == 3


class Watched(bytes):
    """The bytes of a file, with how far they were read."""

    read_to = 0

    def __getitem__(self, at: Any) -> Any:
        """Part of them."""
        self.read_to = max(self.read_to, at.stop if isinstance(at, slice) else at + 1)
        return super().__getitem__(at)

    def find(self, *words: Any) -> int:
        """Search them, which reads all."""
        self.read_to = len(self)
        return super().find(*words)


def test_a_still_is_not_searched_for_an_animation(tmp_path: Path) -> None:
    """Of a large file that takes as long as a tenth of its decoding."""
    path = Path(save(tmp_path / "a.png", Image.effect_noise((300, 300), 90)))
    data = Watched(path.read_bytes())

    assert animated(data) is None
    assert 0 < data.read_to < 200


def test_an_animation_announced_behind_the_pixels_is_none(tmp_path: Path) -> None:
    """Browsers have begun to show the still picture by then."""
    path = Path(save(tmp_path / "a.png", gradient(30, 20)))
    late = png_chunk(b"acTL", struct.pack(">II", 2, 0))
    data = path.read_bytes()

    assert animated(data[:-12] + late + data[-12:]) is None
