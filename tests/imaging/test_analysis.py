"""The analysis of an original: colours, placeholder and perceptual hash."""

from __future__ import annotations

import base64
import itertools
import math
import os
import random
import re
from pathlib import Path

import pytest
from PIL import Image, ImageEnhance

from imagesvc.imaging.analysis import reduced
from imagesvc.imaging.analysis.cosines import low_frequencies
from imagesvc.imaging.analysis.phash import distance
from imagesvc.imaging.analysis.pictures import analysis_of
from imagesvc.imaging.analysis.thumbhash import thumbhash
from imagesvc.imaging.codecs import vips
from imagesvc.imaging.codecs.sources import open_source
from imagesvc.model.formats import Format
from imagesvc.model.images import Analysis
from tests.imaging.pictures import GREEN, RED, gradient, is_near, mapped, quadrants, save

REPOSITORY = Path(__file__).parents[2]
PHOTOS = Path(os.environ.get("IMAGESVC_TEST_SHARED", REPOSITORY.parent / "shared")) / "photos"


def look(picture: Image.Image, path: Path) -> Analysis:
    """The analysis of a picture, by means of a file."""
    kind = {".png": Format.PNG, ".jpg": Format.JPEG}[path.suffix]
    options = {"compress_level": 1} if kind is Format.PNG else {}
    return analysis_of(open_source(mapped(save(path, picture, **options)), kind).picture)


def _reference_pixels(width: int, height: int, alpha: bool, seed: int) -> bytes:
    """Ramps, an edge and noise, in integers, so that other languages can make the same."""
    out, state = bytearray(), seed
    for y, x in itertools.product(range(height), range(width)):
        state = (state * 1103515245 + 12345) & 0xFFFFFFFF
        noise = state >> 16 & 31
        edge = 70 if x * 7 + y * 3 > 3 * width else 0
        red = x * x * 200 // (width * width) + noise
        green = y * (x + 3 * y) * 50 // (height * (width + height)) + noise + edge
        blue = (x * y + y) * 180 // (width * height) + noise
        out += bytes(min(255, level) for level in (red, green, blue))
        out.append(x * x * (y + height) * 127 // (width * width * height) if alpha else 255)
    return bytes(out)


@pytest.mark.parametrize(
    ("width", "height", "alpha", "seed", "expected"),
    [
        (100, 75, False, 1, "0+gNHYqAh4eEiIiIiHeIiIAtCf5o"),
        (75, 100, False, 2, "FMkNFQ6Ah4OHiId4iHh4iJEMCfx5"),
        (32, 32, False, 3, "1NgNHwyAh4eDh4iIiHiIeId3CNiR0J8G"),
        (48, 20, True, 4, "GymCCoQk8qTRlXmmLze/ZpCHlod3d3g="),
        (20, 48, True, 5, "HfmBCgQj49CVZoimLzffVZCHloeIeHg="),
        (100, 7, False, 6, "kRgOIYiAh3eFiId4kF4Iv3c="),
        (5, 64, True, 8, "nciBCQIjxdCldoiXH0j+Q6CHloeId4g="),
    ],
)
def test_thumbhashes_are_those_of_the_reference(
    width: int, height: int, alpha: bool, seed: int, expected: str
) -> None:
    """Vectors made with `rgbaToThumbHash` of the `thumbhash` package 0.1.1 (npm)."""
    made = thumbhash(_reference_pixels(width, height, alpha, seed), width, height)

    assert base64.b64encode(made).decode() == expected


def test_the_most_frequent_colour_comes_first(tmp_path: Path) -> None:
    """Three quarters of red, a quarter of green."""
    picture = Image.new("RGB", (400, 400), RED)
    picture.paste(GREEN, (0, 0, 200, 200))

    analysis = look(picture, tmp_path / "a.png")

    assert analysis.palette == (f"#{bytes(RED).hex()}", f"#{bytes(GREEN).hex()}")
    assert analysis.dominant_color == analysis.palette[0]


def test_transparent_pixels_have_no_colour(tmp_path: Path) -> None:
    """Colours under alpha 0 are not visible."""
    picture = Image.new("RGBA", (100, 100), (*GREEN, 0))
    picture.paste((*RED, 255), (0, 0, 10, 100))

    (colour,) = look(picture, tmp_path / "a.png").palette

    assert is_near(tuple(bytes.fromhex(colour[1:])), RED, 2)


@pytest.mark.parametrize(
    "picture",
    [
        Image.new("RGB", (1, 1)),
        Image.new("RGB", (3000, 1), "red"),
        Image.new("L", (1, 500), 255),
        Image.new("RGBA", (40, 40), (0, 0, 0, 0)),
        Image.new("LA", (10, 10), (9, 9)),
        Image.effect_noise((64, 64), 200),
        gradient(),
    ],
)
def test_the_analysis_is_well_formed_for_every_picture(
    tmp_path: Path, picture: Image.Image
) -> None:
    """One pixel, one line, fully transparent, gray.

    Nothing raises, and all values are well-formed.
    """
    analysis = look(picture, tmp_path / "a.png")

    colours = (analysis.dominant_color, *analysis.palette)
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in colours)
    assert len(analysis.palette) <= 5
    assert re.fullmatch("[0-9a-f]{16}", analysis.phash)
    assert 5 <= len(base64.b64decode(analysis.thumbhash, validate=True)) <= 30


def _different_pictures() -> dict[str, Image.Image]:
    """Synthetic motifs, and the photographs if available."""
    noise = Image.effect_noise((12, 9), 120).resize((600, 450), Image.Resampling.BICUBIC)
    pictures = {
        "gradient": gradient(600, 400),
        "quadrants": quadrants(600, 400),
        "blobs": Image.merge("RGB", (noise, noise.rotate(180), noise)),
    }
    for name in ("photo_0.75mp_stop.jpg", "photo_1.5mp_brushes.png", "photo_4.1mp_moss_icc.jpg"):
        if (PHOTOS / name).exists():
            pictures[name] = Image.open(PHOTOS / name).convert("RGB")
            pictures[name].thumbnail((1200, 1200))
    return pictures


def test_hashes_of_copies_are_near_and_of_others_far(tmp_path: Path) -> None:
    """Resized, recompressed, lightened: at most 10 bits. Another picture: at least 16."""
    hashes = {}
    for name, picture in _different_pictures().items():
        hashes[name] = look(picture, tmp_path / "a.png").phash
        half = picture.resize((picture.width // 2, picture.height // 2))
        save(tmp_path / "worse.jpg", picture, quality=30)
        copies = [
            look(half, tmp_path / "b.png"),
            analysis_of(vips.load(mapped(tmp_path / "worse.jpg"), Format.JPEG)),
            look(ImageEnhance.Brightness(picture).enhance(0.9), tmp_path / "c.png"),
        ]
        assert max(distance(hashes[name], copy.phash) for copy in copies) <= 10, name

    apart = {
        pair: distance(*map(hashes.__getitem__, pair)) for pair in itertools.combinations(hashes, 2)
    }
    assert min(apart.values()) >= 16, apart


def test_the_analysis_does_not_depend_on_the_kind_of_file(tmp_path: Path) -> None:
    """From disk or from memory, the same bytes give the same analysis."""
    path = save(tmp_path / "a.jpg", gradient(500, 300))

    picture = open_source(mapped(path), Format.JPEG).picture

    assert analysis_of(picture) == analysis_of(vips.load(mapped(path), Format.JPEG).copy_memory())


def test_a_palette_of_many_colours_has_five(tmp_path: Path) -> None:
    """They are ordered by the number of pixels that each represents."""
    picture = reduced.small(gradient(32, 32), 64)

    assert len(reduced.palette(picture, 5)) == 5


@pytest.mark.parametrize(("width", "height"), [(32, 32), (24, 17), (1, 1), (3, 100), (100, 2)])
@pytest.mark.parametrize("largest", [1, 255, 255 * 255])
def test_frequencies_are_those_of_the_definition(width: int, height: int, largest: int) -> None:
    """Samples of 8 bits, and those of 16 that are premultiplied by alpha."""
    source = random.Random(width * largest)
    samples = [source.randint(0, largest) for _ in range(width * height)]
    samples[-1] = largest

    planes = low_frequencies(bytes(samples) if largest < 256 else samples, width, 5, 7)

    at = itertools.product(range(height), range(width))
    waves = [[0.0] * 5 for _ in range(7)]
    for (y, x), sample in zip(at, samples, strict=True):
        for down, across in itertools.product(range(7), range(5)):
            wave = math.cos(math.pi * across * (x + 0.5) / width)
            wave *= math.cos(math.pi * down * (y + 0.5) / height)
            waves[down][across] += sample * wave / (width * height)
    for found, right in zip(planes, waves, strict=True):
        assert found == pytest.approx(right, rel=0, abs=1e-10 * largest)


def test_an_even_picture_has_no_waves() -> None:
    """They would be taken for details of it."""
    (constant, *row), *others = low_frequencies([65_025] * 10_000, 100, 7, 7)

    assert constant == 65_025
    assert max(map(abs, itertools.chain(row, *others))) < 1e-9
