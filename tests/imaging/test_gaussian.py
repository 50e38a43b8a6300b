"""Blur and sharpen compared with an exact Gaussian in floating point.

Bounds hold for whole pictures, up to their edges.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagesvc.imaging.codecs import vips
from imagesvc.imaging.pipeline import kernels
from imagesvc.imaging.pipeline.gaussian import gaussian
from tests.breadth import represented
from tests.imaging.pictures import gradient, make, save, seen
from tests.imaging.sampled_gaussian import Levels, blurred, patterns

PHOTOS = Path(os.environ.get("TEST_SHARED", Path(__file__).parents[3] / "shared")) / "photos"
SIGMAS = (0.3, 0.5, 0.8, 0.99, 1, 1.3, 2, 3.3, 4.99, 5, 7.7, 9.99, 10, 13, 19.99, 20, 33, 60, 120)
FEW = {0.3, 0.99, 2, 4.99, 5, 9.99, 10, 20, 33}
AT_SIGMAS = [pytest.param(it, marks=[] if it in FEW else pytest.mark.long) for it in SIGMAS]
MOST, MEAN = 3.5, 1.0
"""Levels that a pixel, and all pixels on average, may be off."""


def of(levels: Levels, sigma: float) -> Levels:
    """The blur of levels in memory."""
    height, width, bands = levels.shape
    picture = vips.from_levels(levels.tobytes(), width, height, bands)
    soft = np.frombuffer(vips.levels(gaussian(picture, sigma)), np.uint8)
    return soft.reshape(levels.shape).astype(float)


def photo() -> Levels:
    """A part of a photograph, if there is one, and else of a picture that is drawn."""
    path = PHOTOS / "photo_0.75mp_stop.jpg"
    if not path.exists():
        print(f"there are no photographs at {PHOTOS}")  # noqa: T201
    picture = Image.open(path) if path.exists() else gradient(400, 400)
    return np.asarray(picture.convert("RGB"))[60:360, 40:340]


def assert_close(found: Levels, exact: Levels, what: str = "") -> None:
    """Levels are those of the reference, within `MOST` and `MEAN`."""
    off = np.abs(found - exact)
    assert off.max() <= MOST, what
    assert off.mean() <= MEAN, what


@pytest.mark.parametrize("sigma", represented(SIGMAS, 0.3, 2, 5, 9.99, 33))
def test_hard_pictures_are_blurred_as_in_floating_point(sigma: float) -> None:
    """Stripes reveal aliasing, discs the interpolation, edges a shift, and frames the border."""
    for name, levels in patterns(210, 170, min(sigma, 40)).items():
        assert_close(of(levels, sigma), blurred(levels, sigma), name)


@pytest.mark.parametrize("sigma", AT_SIGMAS)
def test_photographs_are_blurred_as_in_floating_point(sigma: float) -> None:
    """All three bands, at sizes that no reduction divides."""
    levels = photo()[:283, :297]

    assert_close(of(levels, sigma), blurred(levels, sigma))


@pytest.mark.parametrize("sigma", [0.3, 1, 3, 7, 10, 25, 100, 250])
def test_flat_pictures_stay_as_they_are(sigma: float) -> None:
    """Each of the 256 levels."""
    flat = np.broadcast_to(np.arange(256, dtype=np.uint8), (19, 33, 256))

    assert (of(flat, sigma) == flat).all()


@pytest.mark.parametrize("sigma", represented([0.3, 1, 2.7, 5, 10, 20, 250], 0.3, 5, 250))
@pytest.mark.parametrize("shape", [(1, 1), (1, 90), (90, 1), (2, 3), (5, 64), (33, 9)])
def test_tiny_sides_are_blurred_as_in_floating_point(shape: tuple[int, int], sigma: float) -> None:
    """A picture may be much smaller than the kernel, and than a block of its reduction."""
    levels = np.random.default_rng(3).integers(0, 256, (*shape, 3), dtype=np.uint8)

    assert_close(of(levels, sigma), blurred(levels, sigma))


def test_fast_kernels_are_exact_for_libvips() -> None:
    """Other coefficients would be rounded, and flat areas would become lighter or darker."""
    for sigma in range(100, 700):
        for kernel in (*kernels.pair(sigma / 100), *kernels.one_or_two(sigma / 100)):
            assert 0 <= min(kernel) <= max(kernel) <= kernels.LARGEST
            assert sum(kernel).bit_count() == 1
            assert kernel == kernel[::-1]


@pytest.mark.parametrize("sigma", represented([0.3, 0.7, 1, 1.5, 3, 5, 8, 10], 0.3, 1.5, 10))
def test_sharpen_adds_the_difference_to_the_exact_blur(tmp_path: Path, sigma: float) -> None:
    """Twice the picture less the blurred one, clipped."""
    for name, levels in {"photo": photo(), **patterns(150, 130, sigma)}.items():
        path = save(tmp_path / "a.png", Image.fromarray(levels.squeeze()))
        found = np.asarray(seen(make(path, f"sharpen={sigma}"))).reshape(levels.shape)

        exact = np.clip(2.0 * levels - blurred(levels, sigma), 0, 255)
        assert_close(found.astype(float), exact, name)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
@pytest.mark.parametrize("sigma", [0.4, 1, 4, 6, 10, 30])
def test_transparent_pictures_are_blurred_premultiplied(
    tmp_path: Path, sigma: float, mode: str
) -> None:
    """Colours count by their alpha, which is blurred, too."""
    levels = np.random.default_rng(5).integers(0, 256, (90, 110, len(mode)), dtype=np.uint8)
    levels[20:50, 30:80, -1] = 0
    levels[60:, :40, -1] = 255
    path = save(tmp_path / "a.png", Image.fromarray(levels, mode))

    found = np.asarray(seen(make(path, f"blur={sigma}")).convert(mode)).astype(float)

    colours, alpha = levels[..., :-1].astype(float), levels[..., -1:].astype(float)
    soft = blurred(np.concatenate([colours * alpha, alpha], -1), sigma)
    assert_close(found[..., -1:], soft[..., -1:])
    seen_at = soft[..., -1] >= 1
    exact = soft[..., :-1] / np.maximum(soft[..., -1:], 1)
    assert_close(found[..., :-1][seen_at], exact[seen_at])


@pytest.mark.parametrize(
    "query",
    represented(
        ["blur=2", "blur=7", "blur=10", "blur=25", "sharpen=1", "sharpen=10"],
        "blur=2", "blur=10", "sharpen=10",
    ),
)  # fmt: skip
def test_the_same_picture_has_the_same_blur_however_it_is_read(tmp_path: Path, query: str) -> None:
    """Large pictures are decoded while they are blurred, small ones before."""
    levels = np.random.default_rng(1).integers(0, 256, (40, 50), dtype=np.uint8)
    picture = Image.fromarray(levels).resize((2201, 1503), Image.Resampling.BICUBIC)
    path = save(tmp_path / "a.png", picture, compress_level=1)
    key, _, sigma = query.partition("=")

    found = np.asarray(seen(make(path, query))).astype(float)[..., None]

    whole = np.asarray(picture)[..., None]
    soft = of(whole, float(sigma))
    assert (found == (soft if key == "blur" else np.clip(2.0 * whole - soft, 0, 255))).all()
