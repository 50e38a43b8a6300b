"""Large originals, their analysis and rendering, and the similarity of two variants."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from imagesvc.imaging.messages import AnalyseRequest, Rendered, RenderRequest
from imagesvc.imaging.mezzanine import planned_mezzanine
from imagesvc.imaging.render import render_each
from imagesvc.imaging.transforms.effective import effective
from imagesvc.imaging.transforms.transform import parse_text
from imagesvc.imaging.variant_plan import plan_variant
from imagesvc.model.formats import Size
from imagesvc.model.ids import Digest
from imagesvc.model.images import Original
from tests.imaging.pictures import (
    LIMITS,
    QUALITY,
    files,
    gradient,
    oriented,
    probe,
    quadrants,
    save,
)

REPOSITORY = Path(__file__).parents[2]
PHOTOS = Path(os.environ.get("IMAGESVC_TEST_SHARED", REPOSITORY.parent / "shared")) / "photos"


def probed(path: str) -> Original:
    """The original that a file is."""
    found = probe(path, LIMITS)
    return Original(
        Digest("0" * 64),
        found.format,
        found.width,
        found.height,
        found.frames,
        has_alpha=found.has_alpha,
        decode_bytes=found.decode_bytes,
        decode_seconds=found.decode_seconds,
    )


def request(path: str, *queries: str) -> AnalyseRequest:
    """An analysis of a file with these variants."""
    shape = probed(path)
    wanted = tuple(effective(parse_text(query), shape, QUALITY) for query in queries)
    plans = [plan_variant(it, planned_mezzanine(shape)) for it in wanted]
    reduced = frozenset(it.transform for it in plans if it.is_reduced)
    return AnalyseRequest(shape, wanted, LIMITS, reduced=reduced)


def rendered(path: str, asked: AnalyseRequest, original: Size | None = None) -> list[Any]:
    """The same variants by `RENDER`, one by one."""
    again = RenderRequest(asked.transforms, LIMITS, original=original)
    return [
        made.data if isinstance(made, Rendered) else made
        for made in render_each(files(path), again)
    ]


def busy(width: int, height: int) -> Image.Image:
    """Ramps, edges, fine lines and noise."""
    picture = gradient(width, height)
    picture.paste(quadrants(width // 2, height // 2), (width // 4, height // 4))
    for step in range(0, width // 8, 7):
        picture.paste((250, 250, 250), (step, height // 3, step + 3, height // 2))
    noise = Image.effect_noise((width // 4, height // 4), 60).convert("RGB")
    picture.paste(noise, (width // 2, height * 5 // 8))
    return picture


def on_white(picture: Image.Image) -> Image.Image:
    """The picture as a page shows it: transparent pixels are white."""
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture.convert("RGBA"))


def ssim(left: bytes, right: bytes) -> float:
    """Structural similarity of luma over windows of 8 x 8, the mean of all positions.

    Source: Wang, Bovik, Sheikh, Simoncelli, "Image Quality Assessment" (2004), equation 13.
    """
    one, two = (
        np.asarray(on_white(Image.open(io.BytesIO(data))).convert("L"), dtype=np.float64)
        for data in (left, right)
    )
    assert one.shape == two.shape

    def mean(levels: Any) -> Any:
        sums = np.pad(levels.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
        return (sums[8:, 8:] - sums[:-8, 8:] - sums[8:, :-8] + sums[:-8, :-8]) / 64

    ones, twos = mean(one), mean(two)
    variance = mean(one * one) - ones**2 + mean(two * two) - twos**2
    covariance = mean(one * two) - ones * twos
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    map_ = (2 * ones * twos + c1) * (2 * covariance + c2)
    return float((map_ / ((ones**2 + twos**2 + c1) * (variance + c2))).mean())


def chroma_distance(left: bytes, right: bytes) -> float:
    """The mean difference of both colour channels, in levels."""
    one, two = (
        np.asarray(on_white(Image.open(io.BytesIO(data))).convert("YCbCr"), dtype=np.float64)
        for data in (left, right)
    )
    return float(np.abs(one - two)[..., 1:].mean())


class LargeFiles(dict[str, str]):
    """Paths of originals just above 3 MP, made when used first, and of photographs if available."""

    def __init__(self, folder: Path) -> None:
        super().__init__({path.stem: str(path) for path in PHOTOS.glob("photo_[4-8]*.jpg")})
        self._folder = folder

    def __missing__(self, kind: str) -> str:
        """Make a file."""
        self[kind] = self._made(kind)
        return self[kind]

    def _made(self, kind: str) -> str:
        folder = self._folder
        if kind == "turned":
            return oriented(folder / "b.jpg", busy(1440, 2100), 6)
        picture = busy(2100, 1440)
        if kind == "jpeg":
            return save(folder / "a.jpg", picture, quality=92)
        if kind == "png":
            picture.putalpha(Image.linear_gradient("L").resize(picture.size))
            return save(folder / "c.png", picture, compress_level=1)
        if kind == "webp":
            return save(folder / "d.webp", picture, quality=90, method=0)
        assert kind == "heic"
        options = {"preset": "ultrafast"}
        return save(folder / "e.heic", picture, quality=80, enc_params=options)
