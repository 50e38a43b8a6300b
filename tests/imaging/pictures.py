"""Pictures that tests generate, and short ways to render them."""

from __future__ import annotations

import io
import mmap
import struct
import zlib
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import pillow_heif
from PIL import Image, ImageCms

import imagesvc.imaging.probe
from imagesvc.imaging.containers.found import Data
from imagesvc.imaging.limits import Limits
from imagesvc.imaging.messages import Files, Rendered
from imagesvc.imaging.render import render
from imagesvc.imaging.transforms.effective import effective
from imagesvc.imaging.transforms.transform import parse_text
from imagesvc.model.formats import Format
from imagesvc.model.ids import Digest
from imagesvc.model.images import Original, Probe
from imagesvc.model.transforms import Watermark

pillow_heif.register_heif_opener()  # for saving; the service has no use for it
LIMITS = Limits(max_pixels=100_000_000, max_frames=500, max_decode_bytes=2 << 30)
QUALITY = {Format.JPEG: 80, Format.WEBP: 79, Format.AVIF: 60}
RED, GREEN, BLUE, YELLOW = (220, 30, 30), (30, 200, 30), (30, 30, 220), (220, 220, 30)
QUADRANTS = (RED, GREEN, BLUE, YELLOW)
"""Top left, top right, bottom left, bottom right."""


class SpillFolder:
    """Stores large outputs in files of a folder, named by their numbers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0

    def __call__(self, data: bytes) -> int:
        """See `Spill`."""
        (self.folder / f"spilled-{self.count}").write_bytes(data)
        self.count += 1
        return self.count - 1


def mapped(path: str | Path) -> Data:
    """A file as workers read it."""
    with Path(path).open("rb") as file:
        if not Path(path).stat().st_size:
            return b""
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def files(path: str) -> Files:
    """The arguments of a call about a file; large outputs go next to it."""
    return Files(mapped(path), SpillFolder(Path(path).parent))


def probe(path: str, limits: Limits) -> Probe:
    """`imaging.probe.probe` of a file."""
    return imagesvc.imaging.probe.probe(mapped(path), limits)


def quadrants(width: int = 96, height: int = 64) -> Image.Image:
    """Four rectangles in `QUADRANTS` colours."""
    picture = Image.new("RGB", (width, height))
    halves = width // 2, height // 2
    for colour, at in zip(QUADRANTS, ((0, 0), (1, 0), (0, 1), (1, 1)), strict=True):
        picture.paste(Image.new("RGB", halves, colour), (at[0] * halves[0], at[1] * halves[1]))
    return picture


def gradient(width: int = 200, height: int = 120) -> Image.Image:
    """Smooth ramps with some texture, so that resizing and blurring change it measurably."""
    across = Image.linear_gradient("L").resize((width, height))
    down = Image.linear_gradient("L").rotate(90).resize((width, height))
    rings = Image.radial_gradient("L").resize((width, height))
    return Image.merge("RGB", (across, down, rings))


def save(path: Path, picture: Image.Image, **options: Any) -> str:
    """Write a picture in the format of its suffix; the path as text."""
    if path.suffix == ".ico":
        options = {"sizes": [picture.size], **options}
    picture.save(path, **options)
    return str(path)


def oriented(path: Path, picture: Image.Image, orientation: int) -> str:
    """Write a picture so that a viewer that applies its EXIF shows it upright."""
    undo = {
        2: (Image.Transpose.FLIP_LEFT_RIGHT,),
        3: (Image.Transpose.ROTATE_180,),
        4: (Image.Transpose.FLIP_TOP_BOTTOM,),
        5: (Image.Transpose.TRANSPOSE,),
        6: (Image.Transpose.ROTATE_90,),
        7: (Image.Transpose.TRANSVERSE,),
        8: (Image.Transpose.ROTATE_270,),
    }
    for method in undo.get(orientation, ()):
        picture = picture.transpose(method)
    exif = Image.Exif()
    exif[274] = orientation
    return save(path, picture, exif=exif, **({"quality": 95} if path.suffix == ".jpg" else {}))


def animation(path: Path, count: int = 4, size: tuple[int, int] = (60, 40)) -> str:
    """Frames of one colour each, with a white corner at the top left; 70 ms, 3 times."""
    frames = []
    for number in range(count):
        frame = Image.new("RGB", size, QUADRANTS[number % 4])
        frame.paste((255, 255, 255), (0, 0, size[0] // 4, size[1] // 4))
        frames.append(frame)
    options: dict[str, Any] = {"lossless": True} if path.suffix == ".webp" else {}
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=70, loop=3, **options)
    return str(path)


def swapped_profile() -> bytes:
    """An ICC profile of sRGB whose red and blue primaries are swapped."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    tags = {bytes(profile[at : at + 4]): at for at in range(132, 132 + 12 * profile[131], 12)}
    red, blue = tags[b"rXYZ"] + 4, tags[b"bXYZ"] + 4
    profile[red : red + 8], profile[blue : blue + 8] = (
        profile[blue : blue + 8],
        profile[red : red + 8],
    )
    return bytes(profile)


def table_profile(darkest: float, space: bytes = b"RGB ") -> bytes:
    """A profile of a scanner: a table from RGB or gray to L*a*b*, whose black is not 0.

    Source: ICC.1:2001-04, sections 6.1 (header) and 6.5.8 (lut16Type).
    """
    bands = {b"RGB ": 3, b"GRAY": 1}[space]
    nodes = product((0.0, 1.0), repeat=bands)
    table = b"mft2\0\0\0\0" + bytes((bands, 3, 2, 0))
    table += struct.pack(">9i", *(65536 * it for it in (1, 0, 0, 0, 1, 0, 0, 0, 1)))
    table += struct.pack(">HH", 2, 2) + struct.pack(">HH", 0, 0xFFFF) * bands
    for node in nodes:
        lightness = darkest + (100 - darkest) * sum(node) / bands
        table += struct.pack(">3H", round(lightness * 0xFF00 / 100), 0x8000, 0x8000)
    table += struct.pack(">HH", 0, 0xFFFF) * 3
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    text = b"desc\0\0\0\0" + struct.pack(">I", 2) + b"x\0" + b"\0" * 80
    tags = {b"desc": text, b"cprt": b"text\0\0\0\0x\0\0\0", b"wtpt": white, b"A2B0": table}
    listed, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        listed += name + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    size = 132 + 12 * len(tags) + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"none", 0x02400000, b"scnr", space, b"Lab ")
    head += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + b"\0" * 28
    return head + white[8:] + b"\0" * 48 + listed + body


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """A PNG chunk with its length and check sum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_16(path: Path, rows: list[list[int]], *, colour: int) -> str:
    """A PNG of 16 bits a sample, which Pillow does not write; `rows` are lists of samples."""
    samples = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    header = struct.pack(">IIBBBBB", len(rows[0]) // samples, len(rows), 16, colour, 0, 0, 0)
    pixels = b"".join(b"\0" + struct.pack(f">{len(row)}H", *row) for row in rows)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(pixels)), (b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks))
    return str(path)


def original(kind: Format = Format.JPEG, *, has_alpha: bool = False, frames: int = 1) -> Original:
    """An original with only a format, alpha and frames."""
    return Original(Digest("0" * 64), kind, 1, 1, frames, has_alpha=has_alpha, decode_bytes=0)


def make(
    path: str,
    query: str,
    limits: Limits = LIMITS,
    *,
    frames: int = 1,
    marks: Mapping[str, Watermark] | None = None,
) -> Rendered:
    """Render a query; without `format` the variant is a PNG."""
    source = original(Format.PNG, frames=frames)
    wanted = effective(parse_text(query), source, QUALITY, marks)
    return render(files(path), wanted, limits, marks)


def seen(rendered: Rendered) -> Image.Image:
    """The variant as Pillow decodes it."""
    assert rendered.data is not None
    picture = Image.open(io.BytesIO(rendered.data))
    assert picture.size == (rendered.width, rendered.height)
    return picture


def corners(picture: Image.Image) -> tuple[tuple[int, ...], ...]:
    """The colours in the middles of the four quadrants, in the order of `QUADRANTS`."""
    picture = picture.convert("RGB")
    left, right = picture.width // 4, picture.width * 3 // 4
    top, bottom = picture.height // 4, picture.height * 3 // 4
    return tuple(
        pixel(picture, at) for at in ((left, top), (right, top), (left, bottom), (right, bottom))
    )


def pixel(picture: Image.Image, at: tuple[int, int]) -> tuple[int, ...]:
    """The bands of one pixel."""
    value = picture.getpixel(at)
    assert isinstance(value, tuple)
    return tuple(int(band) for band in value)


def is_near(left: Any, right: Any, tolerance: int) -> bool:
    """Whether nested tuples of levels differ by at most `tolerance` anywhere."""
    if isinstance(left, tuple):
        return len(left) == len(right) and all(
            is_near(*pair, tolerance) for pair in zip(left, right, strict=True)
        )
    return bool(abs(left - right) <= tolerance)
