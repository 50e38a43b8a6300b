"""AVIF sequences that tests generate, and change box by box."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image

from tests.imaging.pictures import QUADRANTS

HEADS = {
    b"moov": 0, b"trak": 0, b"mdia": 0, b"minf": 0, b"stbl": 0, b"edts": 0, b"meta": 4,
    b"iprp": 0, b"ipco": 0, b"stsd": 8, b"av01": 78,
}  # fmt: skip
"""Boxes that contain boxes, and the number of bytes before these."""
COLOUR = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
ENTRY = (*COLOUR, b"stsd", b"av01")
Change = Callable[[bytes], bytes]


def moving(
    path: Path, count: int = 4, size: tuple[int, int] = (60, 40), *, alpha: int | None = None
) -> str:
    """Frames of one colour each with a white corner at the top left, of 70, 80, 90 ... ms."""
    frames = []
    for number in range(count):
        frame = Image.new("RGB", size, QUADRANTS[number % 4])
        frame.paste((255, 255, 255), (0, 0, size[0] // 4, size[1] // 4))
        if alpha is not None:
            frame.putalpha(alpha)
        frames.append(frame)
    durations = [70 + 10 * number for number in range(count)]
    options = {"quality": 90, "subsampling": "4:4:4", "max_threads": 1}
    frames[0].save(
        path, "AVIF", save_all=True, append_images=frames[1:], duration=durations, **options
    )
    return str(path)


def parsed(data: bytes) -> list[tuple[bytes, bytes]]:
    """Kind and content of each box."""
    found, at = [], 0
    while at + 8 <= len(data):
        size = struct.unpack_from(">I", data, at)[0]
        found.append((data[at + 4 : at + 8], data[at + 8 : at + size]))
        at += size
    return found


def box(kind: bytes, content: bytes) -> bytes:
    """A box."""
    return struct.pack(">I4s", 8 + len(content), kind) + content


def written(boxes: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Boxes, one after the other."""
    return b"".join(box(*it) for it in boxes)


def changed(data: bytes, path: Sequence[bytes], change: Change) -> bytes:
    """The file with another content of the first box at a path.

    The data after it stays in place.
    """
    made = _changed(data, path, change)
    grown = len(made) - len(data)
    if grown and b"stco" not in path:

        def moved(content: bytes) -> bytes:
            numbers = struct.unpack(f">{len(content) // 4}I", content)
            return struct.pack(
                f">{len(numbers)}I", *numbers[:2], *(it + grown for it in numbers[2:])
            )

        made = _changed(made, (*COLOUR, b"stco"), moved)
    return made


def _changed(data: bytes, path: Sequence[bytes], change: Change) -> bytes:
    boxes = parsed(data)
    for number, (kind, content) in enumerate(boxes):
        if kind == path[0]:
            head = HEADS.get(kind, 0)
            inner = (
                change(content)
                if len(path) == 1
                else content[:head] + _changed(content[head:], path[1:], change)
            )
            boxes[number] = kind, inner
            return written(boxes)
    raise KeyError(path[0])


def with_property(data: bytes, kind: bytes, content: bytes) -> bytes:
    """The file with one more property of its frames."""
    return changed(data, ENTRY, lambda entry: entry + box(kind, content))


def with_nclx(data: bytes, primaries: int, curve: int) -> bytes:
    """The file with frames in another colour space."""
    colour = struct.pack(">HH", primaries, curve)
    return changed(data, (*ENTRY, b"colr"), lambda old: old[:4] + colour + old[8:])


def without_still(data: bytes) -> bytes:
    """The file without a still picture."""
    brands = b"avis\0\0\0\0avismsf1iso8MA1B"
    boxes = [(kind, brands if kind == b"ftyp" else content) for kind, content in parsed(data)]
    made = written([it for it in boxes if it[0] != b"meta"])
    less = len(made) - len(data)
    return changed(made, (*COLOUR, b"stco"), lambda old: old[:8] + _less(old[8:], less))


def _less(offsets: bytes, less: int) -> bytes:
    (first,) = struct.unpack(">I", offsets[:4])
    return struct.pack(">I", first + less) + offsets[4:]
