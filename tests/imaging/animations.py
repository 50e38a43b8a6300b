"""Animated GIFs of the kinds that people have, made small by code, the same on every run."""

from __future__ import annotations

import io
import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PIL import Image, ImageChops, ImageDraw, ImageFont

from tests.imaging.pictures import gradient

SIZE = (320, 240)
GRAY = (200, 203, 208)


def screen_recording() -> bytes:
    """A pointer that crosses a window full of text, of which little changes."""
    frames = []
    for number in range(30):
        frame = _window()
        draw = ImageDraw.Draw(frame)
        at = 20 + 8 * number, 60 + 4 * number
        draw.polygon([at, (at[0] + 9, at[1] + 9), (at[0], at[1] + 13)], "black", "white")
        draw.rectangle((40, 212, 40 + 8 * number, 220), (60, 120, 220))
        frames.append(frame)
    return written(_quantized_together(frames, 64))


def pixel_art() -> bytes:
    """A figure of large pixels that walks over tiles; 16 colours, no two of them mixed."""
    source = random.Random(2)
    colours = [tuple(source.randbytes(3)) for _ in range(14)]
    width, height = SIZE[0] // 4, SIZE[1] // 4
    ground = Image.new("RGB", (width, height))
    for top in range(0, height, 5):
        for left in range(0, width, 5):
            ground.paste(source.choice(colours), (left, top, left + 5, top + 5))
    frames = []
    for number in range(16):
        frame = ground.copy()
        left, top = 4 * number, 25 + number % 2
        frame.paste((20, 20, 20), (left, top, left + 8, top + 16))
        frame.paste((250, 240, 230), (left + 2, top + 2, left + 6, top + 6))
        frames.append(frame.resize(SIZE, Image.Resampling.NEAREST))
    return written(_quantized_together(frames, 16))


def photographic_clip() -> bytes:
    """A camera that moves over something natural; one palette, not dithered."""
    return written(_quantized_together(_clip(12), 256))


def dithered_video() -> bytes:
    """The same with a dithered palette for each frame, as converters of videos write it."""
    return written([_few(frame, 128, Image.Dither.FLOYDSTEINBERG) for frame in _clip(12)])


def text_typing() -> bytes:
    """Letters that appear one after the other."""
    frames, text = [], "It was a dark and stormy night; the rain fell in torrents."
    for count in range(2, len(text), 2):
        frame = Image.new("RGB", SIZE, "white")
        draw = ImageDraw.Draw(frame)
        lines = [text[start : min(start + 20, count)] for start in range(0, count, 20)]
        draw.multiline_text((16, 40), "\n".join(lines), "black", font=_font(26))
        frames.append(frame)
    return written(_quantized_together(frames, 32))


def spinner() -> bytes:
    """Dots that turn on nothing: transparent, each frame replaces the one before."""
    frames = []
    for number in range(12):
        frame = Image.new("RGBA", (200, 200))
        draw = ImageDraw.Draw(frame)
        for dot in range(12):
            angle = math.tau * dot / 12
            at = 100 + 70 * math.cos(angle), 100 + 70 * math.sin(angle)
            shade = 20 + 18 * ((dot - number) % 12)
            draw.circle(at, 14, (shade, shade, 230, 255))
        frames.append(frame)
    return written(frames, disposal=2)


def gradient_fade() -> bytes:
    """Smooth ramps that fade into each other; all pixels change in each frame."""
    start = gradient(*SIZE)
    end = ImageChops.invert(start)
    frames = [Image.blend(start, end, number / 11) for number in range(12)]
    return written([_few(frame, 256, Image.Dither.NONE) for frame in frames])


def local_palettes() -> bytes:
    """A ball that changes its colour, on tiles; each frame has its own palette."""
    frames = []
    for number in range(20):
        frame = Image.new("RGB", SIZE, (240, 236, 220))
        draw = ImageDraw.Draw(frame)
        for left in range(0, SIZE[0], 32):
            draw.line((left, 0, left, SIZE[1]), (210, 200, 180), 2)
        colour = (255 - 12 * number, 12 * number, 128)
        draw.circle((30 + 13 * number, 120), 28, colour, (40, 40, 40), 3)
        frames.append(frame.quantize(8 + number % 5, dither=Image.Dither.NONE))
    return written(frames)


def interlaced() -> bytes:
    """Bars that grow, with interlaced rows."""
    frames = []
    for number in range(12):
        frame = Image.new("RGB", SIZE, "white")
        draw = ImageDraw.Draw(frame)
        for bar in range(8):
            height = 20 + (bar * 37 + number * 9) % 180
            draw.rectangle((20 + bar * 36, 230 - height, 44 + bar * 36, 230), _hue(bar / 8))
        frames.append(frame)
    return written(_quantized_together(frames, 16), interlace=1)


def long_loop() -> bytes:
    """A hundred frames of a small wave on a photograph."""
    still = _texture(SIZE)
    frames = []
    for number in range(100):
        frame = still.copy()
        points = [(x, 120 + 20 * math.sin((x + 6 * number) / 15)) for x in range(100, 220, 2)]
        ImageDraw.Draw(frame).line(points, (250, 250, 60), 3)
        frames.append(frame)
    return written(_quantized_together(frames, 64))


KINDS: Mapping[str, Callable[[], bytes]] = {
    make.__name__: make
    for make in (
        screen_recording, pixel_art, photographic_clip, dithered_video, text_typing,
        spinner, gradient_fade, local_palettes, interlaced, long_loop,
    )
}  # fmt: skip


def written(frames: Sequence[Image.Image], **options: Any) -> bytes:
    """A GIF of frames, 70 ms each, repeated without end."""
    file = io.BytesIO()
    more = {"append_images": frames[1:], "duration": 70, "loop": 0, **options}
    frames[0].save(file, "GIF", save_all=True, **more)
    return file.getvalue()


def _quantized_together(frames: Sequence[Image.Image], count: int) -> list[Image.Image]:
    """Frames in one palette, which is made of the first, the middle and the last of them."""
    some = [frames[0], frames[len(frames) // 2], frames[-1]]
    sheet = Image.new("RGB", (SIZE[0], 3 * SIZE[1]))
    for number, frame in enumerate(some):
        sheet.paste(frame, (0, number * SIZE[1]))
    palette = sheet.quantize(count)
    return [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]


def _few(frame: Image.Image, count: int, dither: Image.Dither) -> Image.Image:
    """A frame in a palette of its own."""
    return frame.quantize(palette=frame.resize((48, 36)).quantize(count), dither=dither)


def _clip(count: int) -> list[Image.Image]:
    scene = _texture((SIZE[0] + 4 * count, SIZE[1]))
    return [scene.crop((4 * n, 0, 4 * n + SIZE[0], SIZE[1])) for n in range(count)]


def _texture(size: tuple[int, int]) -> Image.Image:
    """Clouds of several scales with some grain, as photographs have them."""
    source = random.Random(7)
    bands = []
    for _ in range(3):
        band = Image.new("L", size, 128)
        for scale, share in ((64, 0.5), (24, 0.35), (8, 0.2), (1, 0.04)):
            small = max(1, size[0] // scale), max(1, size[1] // scale)
            noise = Image.frombytes("L", small, source.randbytes(small[0] * small[1]))
            band = Image.blend(band, noise.resize(size, Image.Resampling.BICUBIC), share)
        bands.append(band)
    return Image.merge("RGB", bands)


def _window() -> Image.Image:
    frame = Image.new("RGB", SIZE, GRAY)
    draw = ImageDraw.Draw(frame)
    draw.rectangle((10, 10, 310, 230), "white", (90, 90, 90))
    draw.rectangle((10, 10, 310, 28), (60, 90, 160))
    for line in range(9):
        draw.text(
            (20, 36 + 18 * line), f"def function_{line}(value): return value + {line}", "black"
        )
    return frame


def _hue(fraction: float) -> tuple[int, int, int]:
    red, green, blue = (
        int(127 + 127 * math.cos(math.tau * (fraction + shift / 3))) for shift in range(3)
    )
    return red, green, blue


def _font(size: int) -> Any:
    return ImageFont.load_default(size)
