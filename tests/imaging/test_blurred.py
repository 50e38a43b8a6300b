"""JPEGs that are decoded or scaled to a part of their size, compared with an exact Gaussian."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from imagesvc.imaging.codecs import resampling
from imagesvc.imaging.codecs.sources import open_source
from imagesvc.imaging.codecs.vips_source import Source
from imagesvc.imaging.pipeline import direct
from imagesvc.imaging.pipeline.blurred import blurred as shortcut
from imagesvc.imaging.pipeline.blurred import small_image
from imagesvc.imaging.pipeline.steps import Work
from imagesvc.imaging.transforms.geometry import plan
from imagesvc.imaging.transforms.transform import parse_text
from imagesvc.model.formats import Format
from tests.breadth import represented
from tests.imaging.pictures import gradient, make, oriented, save, seen
from tests.imaging.sampled_gaussian import Levels, blurred, patterns
from tests.imaging.test_gaussian import MEAN, PHOTOS

MOST = 4.0
"""Levels that a pixel may be off, away from the edges."""
MOST_OF_STRIPES, MEAN_OF_STRIPES = 9.0, 5.0
"""The same, for black and white stripes about as fine as the blocks of the decoder."""
MOST_AT_EDGES = 64.0
"""The same near the edges of a photograph, where they cut through sharp details."""
SIGMAS = (8, 10, 13, 20, 40)


def opened(path: str, query: str) -> tuple[Source, Work]:
    """A JPEG, and what to make of it."""
    source = open_source(Path(path).read_bytes(), Format.JPEG)
    wanted = parse_text(query)
    return source, Work(wanted, plan(wanted, source.shown.width, source.shown.height))


def is_shortcut(path: str, query: str) -> bool:
    """Whether a variant is made without a full decode."""
    return shortcut(*opened(path, query)) is not None


def found_and_exact(path: str, sigma: float) -> tuple[Levels, Levels]:
    """The variant, and the exact blur of the decoded picture."""
    picture = Image.open(path)
    levels = np.asarray(picture).reshape(picture.height, picture.width, -1)
    found = np.asarray(seen(make(path, f"blur={sigma}"))).reshape(levels.shape)
    return found.astype(float), blurred(levels, sigma)


def inside(levels: Levels, sigma: float) -> Levels:
    """Without what is within three sigmas of an edge, as far as there is more."""
    margins = [min(int(3 * sigma) + 1, side * 2 // 5) for side in levels.shape[:2]]
    return levels[margins[0] : -margins[0], margins[1] : -margins[1]]


@pytest.mark.parametrize("sigma", represented(SIGMAS, 10))
def test_hard_pictures_are_blurred_as_after_a_full_decode(tmp_path: Path, sigma: int) -> None:
    """Away from the edges, where the picture and not its extension is seen."""
    for name, levels in patterns(347, 331, sigma).items():
        path = save(tmp_path / "a.jpg", Image.fromarray(levels.squeeze()), quality=92)
        assert is_shortcut(path, f"blur={sigma}")
        found, exact = found_and_exact(path, sigma)

        off = inside(np.abs(found - exact), sigma)
        fine = name.startswith("stripes")
        assert off.max() <= (MOST_OF_STRIPES if fine else MOST), name
        assert off.mean() <= (MEAN_OF_STRIPES if fine else MEAN), name


def photo() -> Image.Image:
    """A part of a photograph, if there is one, and else of a picture that is drawn."""
    path = PHOTOS / "photo_0.75mp_stop.jpg"
    if not path.exists():
        print(f"there are no photographs at {PHOTOS}")  # noqa: T201
    picture = Image.open(path) if path.exists() else gradient(500, 470)
    return picture.convert("RGB").crop((31, 33, 468, 466))


@pytest.mark.parametrize(
    ("sigma", "subsampling", "is_progressive"),
    represented(
        itertools.product(SIGMAS, ("4:4:4", "4:2:0"), (False, True)),
        (8, "4:2:0", False), (10, "4:4:4", True), (40, "4:2:0", True),
    ),
)  # fmt: skip
def test_photographs_are_blurred_as_after_a_full_decode(
    tmp_path: Path, subsampling: str, sigma: int, *, is_progressive: bool
) -> None:
    """Inside as closely as any; at their edges by `MOST_AT_EDGES`."""
    options = {"quality": 90, "subsampling": subsampling, "progressive": is_progressive}
    found, exact = found_and_exact(save(tmp_path / "a.jpg", photo(), **options), sigma)

    off = np.abs(found - exact)
    assert inside(off, sigma).max() <= MOST
    assert off.mean() <= MEAN
    assert off.max() <= MOST_AT_EDGES


needs_accelerator = pytest.mark.skipif(
    not resampling.IS_AVAILABLE, reason="cykooz-resizer is not installed here"
)
SCALES = ("blur=8", "blur=10", "w=403&blur=8", "w=300&blur=10", "crop=3,5,391,283&blur=10")
"""At full size, at others, and of a region."""


def small_and_exact(path: str, query: str) -> tuple[Levels, Levels]:
    """The variant before it is encoded, and the exact blur of the picture in its final size."""
    source, work = opened(path, f"{query}&format=jpeg&q=80")
    found = small_image(source, work)
    laid = work.plan
    sharp = direct.scaled(source, laid.region, laid.scaled)
    assert found is not None
    assert sharp is not None
    levels = np.asarray(sharp).reshape(sharp.height, sharp.width, -1)
    return np.asarray(found, float).reshape(levels.shape), blurred(levels, work.transform.blur)


@needs_accelerator
@pytest.mark.parametrize("query", SCALES)
def test_photographs_are_blurred_as_in_their_final_size(tmp_path: Path, query: str) -> None:
    """Scaled down by more than is wanted, and enlarged: inside as closely as any."""
    found, exact = small_and_exact(save(tmp_path / "a.jpg", photo(), quality=90), query)

    off = np.abs(found - exact)
    assert inside(off, 10).max() <= MOST
    assert off.mean() <= MEAN
    assert off.max() <= MOST_AT_EDGES


@needs_accelerator
@pytest.mark.parametrize("query", represented(SCALES, "w=300&blur=10", "crop=3,5,391,283&blur=10"))
def test_hard_pictures_are_blurred_as_in_their_final_size(tmp_path: Path, query: str) -> None:
    """Away from the edges; where a resize makes wide stripes of fine ones, by more."""
    for name, levels in patterns(437, 401, 10).items():
        path = save(tmp_path / "a.jpg", Image.fromarray(levels.squeeze()), quality=92)
        off = inside(np.abs(np.subtract(*small_and_exact(path, query))), 10)

        fine = name.startswith("stripes")
        assert off.max() <= (MOST_OF_STRIPES if fine else MOST), name
        assert off.mean() <= (MEAN_OF_STRIPES if fine else MEAN), name


@needs_accelerator
@pytest.mark.parametrize("level", [0, 3, 128, 254, 255])
def test_flat_pictures_keep_their_level_in_any_size(tmp_path: Path, level: int) -> None:
    """Exactly."""
    path = save(tmp_path / "a.jpg", Image.new("L", (433, 401), level), quality=95)
    for query in SCALES:
        found, _ = small_and_exact(path, query)
        assert (found == level).all()


@needs_accelerator
@pytest.mark.parametrize(
    "query",
    ["blur=7.99", "w=200&blur=10", "w=400&h=300&fit=cover&blur=10", "blur=10&sharpen=1", "w=400"],
)
def test_narrow_blurs_small_variants_and_other_steps_take_the_usual_way(
    tmp_path: Path, query: str
) -> None:
    """Rounded to a few pixels, sides would have another ratio."""
    path = save(tmp_path / "a.jpg", gradient(437, 401))

    assert small_image(*opened(path, f"{query}&format=jpeg&q=80")) is None
    assert seen(make(path, f"{query}&format=jpeg")).format == "JPEG"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_orientations_are_blurred_in_place(tmp_path: Path, orientation: int) -> None:
    """Sides that no factor divides: the part of a block that is left out is on any side."""
    upright = gradient(301, 215)
    path = oriented(tmp_path / "a.jpg", upright, orientation)
    assert is_shortcut(path, "blur=10")

    found = np.asarray(seen(make(path, "blur=10"))).astype(float)

    exact = blurred(np.asarray(upright), 10)
    assert inside(np.abs(found - exact), 10).max() <= MOST


@pytest.mark.parametrize("level", [0, 1, 77, 254, 255])
def test_flat_pictures_stay_as_they_are(tmp_path: Path, level: int) -> None:
    """Whatever the decoder makes of the part of a block at the end."""
    path = save(tmp_path / "a.jpg", Image.new("L", (203, 141), level), quality=95)

    for sigma in (8, 10, 20, 250):
        assert (np.asarray(seen(make(path, f"blur={sigma}"))) == level).all()


def test_later_steps_follow(tmp_path: Path) -> None:
    """Turned, sharpened and padded as after the usual blur."""
    levels = np.asarray(gradient(320, 240))
    path = save(tmp_path / "a.jpg", Image.fromarray(levels), quality=95)
    lossless = save(tmp_path / "a.png", Image.open(path))
    for query in ("rotate=90&blur=10", "flip=h&blur=10&sharpen=3", "blur=9&radius=30"):
        assert is_shortcut(path, query)
        quick, usual = (np.asarray(seen(make(it, query))).astype(float) for it in (path, lossless))
        assert np.abs(quick - usual)[40:-40, 40:-40].max() <= 2 * MOST


@pytest.mark.parametrize(
    "query",
    [
        "blur=7.99",
        "blur=10&brightness=1.2",
        "blur=10&contrast=1.2",
        "blur=10&saturation=0.5",
        "blur=10&gray=1",
        "blur=10&rotate=30",
        "blur=10&crop=0,0,200,200",
        "blur=10&w=100",
    ],
)
def test_steps_before_the_blur_see_the_whole_picture(tmp_path: Path, query: str) -> None:
    """Also for narrow blurs everything is decoded."""
    assert not is_shortcut(save(tmp_path / "a.jpg", gradient(320, 240)), query)


def test_other_colours_and_tiny_pictures_are_decoded_whole(tmp_path: Path) -> None:
    """Means are taken of sRGB, and a part of a block at the end must not be much of a side."""
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    cmyk = save(tmp_path / "a.jpg", gradient(320, 240).convert("CMYK"))
    profiled = save(tmp_path / "b.jpg", gradient(320, 240), icc_profile=lab)
    tiny = save(tmp_path / "c.jpg", gradient(31, 400))

    assert not any(is_shortcut(path, "blur=10") for path in (cmyk, profiled, tiny))


@pytest.mark.breadth
def test_a_large_stream_is_blurred_as_its_pixels_in_memory(tmp_path: Path) -> None:
    """Shrunk by two it is too large for Pillow, and libvips decodes it row by row."""
    picture = gradient(500, 400).convert("L").resize((5403, 4607))
    path = save(tmp_path / "a.jpg", picture, quality=80)
    lossless = save(tmp_path / "a.png", Image.open(path), compress_level=0)
    query = "blur=8&format=jpeg&q=100"
    assert is_shortcut(path, query)

    found, usual = (np.asarray(seen(make(it, query))).astype(int) for it in (path, lossless))

    assert np.abs(found - usual)[30:-30, 30:-30].max() <= MOST
