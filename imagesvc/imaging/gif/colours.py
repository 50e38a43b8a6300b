"""Few colours for many pixels: palettes for the frames of an animation, and pixels as indices.

Frames are not dithered: noise that differs from frame to frame neither compresses nor looks well.
They share a palette while it fits all of them, so that unchanged pixels keep their index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageStat

from imagesvc.imaging.codecs import vips
from imagesvc.imaging.codecs.vips import Picture
from imagesvc.imaging.gif.blocks import Palette

HALF_OPAQUE = 128
CLEAR = 255
"""The index of transparent pixels, in pictures of indices."""
DEPTH = 8
MAX_ERROR = 6.0
"""Levels of mean error in a frame, from which on frames do not share a palette."""
MAX_SPLITS = 4
"""How often frames that share a palette are halved: there are at most 2 ** 4 palettes."""
SAMPLED_PIXELS = 16_384
SAMPLED_FRAMES = 64
LEAST_OF_A_FRAME = 256
"""Pixels that palettes are chosen from: of all frames, of how many of them, and of each."""
_PHASES = 3
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_IS_OPAQUE = [0] * HALF_OPAQUE + [255] * HALF_OPAQUE


@dataclass(frozen=True, slots=True)
class Indexed:
    """A frame as indices into a palette; `CLEAR` is transparent."""

    pixels: Image.Image
    palette: Palette


class Frames(Sequence[Image.Image]):
    """The frames of a picture in a column, in RGBA, each copied when it is used.

    Args:
        picture: of one frame, or of several that are in memory.
    """

    def __init__(self, picture: Picture, height: int) -> None:
        self._picture = picture
        self._height = height

    def __len__(self) -> int:
        return int(self._picture.height) // self._height

    def __getitem__(self, at: int) -> Image.Image:  # type: ignore[override]
        if not 0 <= at < len(self):
            raise IndexError(at)
        size = self._picture.width, self._height
        frame = self._picture.crop(0, at * self._height, *size)
        mode = _MODES[frame.bands]
        levels = vips.levels(frame)
        return Image.frombuffer(mode, size, levels, "raw", mode, 0, 1).convert("RGBA")


def indexed(frames: Sequence[Image.Image], depth: int) -> list[Indexed]:
    """Frames in at most `2 ** depth` colours, of which one is for transparency where needed.

    With all `DEPTH` bits, frames that no common palette serves get several.
    """
    has_clear = len(frames) > 1 or _opaque(frames[0]).getextrema()[0] == 0
    count = (1 << depth) - has_clear
    return _indexed(frames, range(len(frames)), count, MAX_SPLITS if depth == DEPTH else 0)


def _indexed(frames: Sequence[Image.Image], which: range, count: int, splits: int) -> list[Indexed]:
    palette = _chosen(_sheet(frames, which), count)
    table = _as_table(palette)
    if len(which) == 1 or not splits:
        return [Indexed(_mapped(frames[at], table), palette) for at in which]
    made = []
    for at in which:
        frame = frames[at]
        pixels = _mapped(frame, table)
        if _error(frame, pixels, table) > MAX_ERROR:
            middle = len(which) // 2
            halves = (which[:middle], which[middle:])
            return [it for half in halves for it in _indexed(frames, half, count, splits - 1)]
        made.append(Indexed(pixels, palette))
    return made


def _sheet(frames: Sequence[Image.Image], which: range) -> Image.Image:
    """A sample of the pixels of frames."""
    count = min(len(which), SAMPLED_FRAMES)
    sheet: Image.Image | None = None
    for row in range(count):
        frame = frames[which[row * len(which) // count]]
        width, height = frame.size
        share = max(LEAST_OF_A_FRAME, SAMPLED_PIXELS // count) / (width * height)
        scale = min(1.0, share**0.5)
        across, down = max(1, int(width * scale)), max(1, int(height * scale))
        # Each frame is sampled at other pixels, so that unchanged areas are sampled completely.
        left, top = ((length / kept - 1) * (row % _PHASES) / _PHASES
                     for length, kept in ((width, across), (height, down)))  # fmt: skip
        box = (left, top, width - (width / across - 1) + left, height - (height / down - 1) + top)
        sheet = sheet or Image.new("RGBA", (across, down * count))
        sheet.paste(frame.resize((across, down), Image.Resampling.NEAREST, box), (0, row * down))
    if sheet is None:
        raise ValueError("there are no frames")
    return sheet


def _chosen(sheet: Image.Image, count: int) -> Palette:
    """All colours of a sample, or the maximum number of close ones."""
    found = [
        (times, bytes(it[:3]))
        for times, it in sheet.getcolors(sheet.width * sheet.height) or ()
        if isinstance(it, tuple) and it[3] >= HALF_OPAQUE
    ]
    if not found:
        return (bytes(3),)
    frequent: dict[bytes, bytes] = {}
    for _, colour in sorted(found):
        frequent[_box(colour)] = colour
    if len(frequent) <= count:
        return tuple(sorted(frequent.values()))
    plain = Image.new("RGB", sheet.size, tuple(max(found)[1]))
    plain.paste(sheet.convert("RGB"), (0, 0), _opaque(sheet))
    cut = plain.quantize(count, Image.Quantize.MEDIANCUT, kmeans=1)
    table = bytes(cut.getpalette() or b"")
    means = (table[at : at + 3] for at in range(0, len(table), 3))
    return tuple(sorted({frequent.get(_box(it), it) for it in means}))


def _box(colour: bytes) -> bytes:
    """The box by which Pillow looks up a colour: colours of one box get the same index.

    The most frequent one represents all, so that white stays white.
    """
    return bytes(level >> 2 for level in colour)


def _as_table(palette: Palette) -> Image.Image:
    """A palette as Pillow has it, filled up with its last colour."""
    table = Image.new("P", (1, 1))
    table.putpalette(b"".join(palette) + palette[-1] * (256 - len(palette)))
    return table


def _mapped(frame: Image.Image, table: Image.Image) -> Image.Image:
    """The nearest colour of each pixel, as indices."""
    quantized = frame.convert("RGB").quantize(palette=table, dither=Image.Dither.NONE)
    pixels = Image.frombytes("L", quantized.size, quantized.tobytes())
    pixels.paste(CLEAR, (0, 0), ImageChops.invert(_opaque(frame)))
    return pixels


def _error(frame: Image.Image, pixels: Image.Image, table: Image.Image) -> float:
    """The mean error of opaque pixels, in levels."""
    shown = pixels.copy()
    shown.putpalette(table.getpalette() or b"")
    difference = ImageChops.difference(shown.convert("RGB"), frame.convert("RGB"))
    opaque = _opaque(frame)
    if not opaque.getbbox():
        return 0.0
    return sum(ImageStat.Stat(difference, opaque).mean) / 3


def _opaque(frame: Image.Image) -> Image.Image:
    return frame.getchannel("A").point(_IS_OPAQUE)
