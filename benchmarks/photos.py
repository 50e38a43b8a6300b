"""The photographs that the benches work on, real ones if available."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from pathlib import Path

import pyvips
from PIL import Image

from benchmarks.client import ROOT

_REAL = ROOT.parent / "shared" / "photos"
_SMALL_PNG_PIXELS = 1_500_000
_LARGE_PNG_PIXELS = 8_000_000
_STEP = 8  # pixels from frame to frame
_START_OF_IMAGE = b"\xff\xd8"


@dataclass(frozen=True, slots=True)
class Photos:
    """One file of each kind the rows need."""

    large: Path  # about 16 MP, baseline JPEG
    progressive: Path  # the same, progressive
    small: Path  # about 0.7 MP
    medium: Path  # about 150 kB
    png: Path  # about 1.5 MP
    detailed: Path  # 8 MP or more; `write_png` makes a PNG of 8 MP of it


def gather(folder: Path) -> Photos:
    """The photographs in `../shared/photos`, or made ones in `folder`."""
    found = Photos(
        large=_REAL / "photo_15.9mp_dandelion_baseline.jpg",
        progressive=_REAL / "photo_15.9mp_dandelion.jpg",
        small=_REAL / "photo_0.75mp_stop.jpg",
        medium=folder / "medium.jpg",
        png=_REAL / "photo_1.5mp_brushes.png",
        detailed=_REAL / "photo_8.0mp_mountains.jpg",
    )
    if not found.large.is_file():
        found = Photos(
            large=_made(folder / "large.jpg", 4608, 3456),
            progressive=_made(folder / "progressive.jpg", 4608, 3456, interlace=True),
            small=_made(folder / "small.jpg", 1000, 750),
            medium=found.medium,
            png=folder / "medium.png",
            detailed=folder / "large.jpg",
        )
        write_png(found.detailed, found.png, _SMALL_PNG_PIXELS)
    _write_medium(found.large, found.medium)
    return found


def distinct(photo: Path, number: int) -> bytes:
    """The photo with a comment segment of its own: same pixels, another digest."""
    text = f"copy {number}".encode()
    comment = b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text
    data = photo.read_bytes()
    return _START_OF_IMAGE + comment + data.removeprefix(_START_OF_IMAGE)


def write_png(photo: Path, target: Path, pixels: int = _LARGE_PNG_PIXELS) -> Path:
    """Write the photo as a PNG of about so many pixels."""
    image = pyvips.Image.new_from_file(str(photo))
    scale = math.sqrt(pixels / (image.width * image.height))
    image = pyvips.Image.thumbnail(str(photo), round(image.width * scale), size="down")
    image.write_to_file(str(target), keep="none")
    return target


def cropped(photo: Path, target: Path, size: tuple[int, int]) -> Path:
    """Write the middle of the photo as a JPEG of this width and height; returns its path."""
    width, height = size
    picture = pyvips.Image.thumbnail(str(photo), width, height=height, crop="centre")
    picture.jpegsave(str(target), Q=85)
    return target


def write_gif(photo: Path, target: Path) -> Path:
    """Write an animation of a view that moves over the photo, 400 px wide and 12 frames long."""
    with Image.open(photo) as opened:
        whole = opened.convert("RGB").resize((600, 450))
    steps = range(0, 12 * _STEP, _STEP)
    first, *rest = (whole.crop((at, at, at + 400, at + 300)).quantize(128) for at in steps)
    first.save(target, save_all=True, append_images=rest, duration=80, loop=0)
    return target


def _made(path: Path, width: int, height: int, **options: bool) -> Path:
    """Soft clouds with grain: compresses about as a photograph does."""
    bands = [pyvips.Image.perlin(width, height, cell_size=256, seed=seed) for seed in range(3)]
    clouds = pyvips.Image.bandjoin(bands[0], bands[1:])
    grain = pyvips.Image.gaussnoise(width, height, sigma=6, mean=0, seed=3)
    image = (clouds * 100 + 128 + grain).cast("uchar").copy(interpretation="srgb")
    image.jpegsave(str(path), Q=85, **options)
    return path


def _write_medium(source: Path, target: Path) -> None:
    """Write a 1600 px copy at the quality whose size first reaches 150 kB."""
    image = pyvips.Image.thumbnail(str(source), 1600).copy_memory()
    for quality in itertools.count(60, 2):
        data: bytes = image.write_to_buffer(".jpg", Q=min(quality, 100), keep="none")
        if len(data) >= 150_000 or quality >= 100:
            target.write_bytes(data)
            return
