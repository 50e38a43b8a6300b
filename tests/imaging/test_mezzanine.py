"""The mezzanine: when it serves, that nobody sees the difference, and the call that makes it."""

from __future__ import annotations

import io
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imagesvc.errors import CorruptImage, ImageTooLarge
from imagesvc.imaging.calls import INGEST, Ingested, IngestRequest, Rendered, RenderRequest
from imagesvc.imaging.ingest import ingest
from imagesvc.imaging.mezzanine import (
    LONGEST_SIDE,
    MARGIN,
    ingest_bytes,
    mezzanine_size,
    serves,
)
from imagesvc.imaging.probe import probe
from imagesvc.imaging.render import render_each
from imagesvc.imaging.transform import effective, parse_text
from imagesvc.model import Digest, Original, Size
from tests.imaging.pictures import (
    LIMITS,
    QUADRANTS,
    QUALITY,
    animation,
    corners,
    gradient,
    is_near,
    oriented,
    original,
    quadrants,
    save,
)

REPOSITORY = Path(__file__).parents[2]
PHOTOS = Path(os.environ.get("IMAGESVC_TEST_SHARED", REPOSITORY.parent / "shared")) / "photos"
LARGE = replace(
    original(),
    width=4000,
    height=3000,
)
HALF = Size(1280, 960)
SHOWN = ("w=256&h=256", "w=400", "w=300&h=300&fit=cover", "w=500&h=200&fit=fill", "h=100&rotate=90")
CROPS = ("w=200&crop=0.25,0.25,0.5,0.5", "w=120&crop=800,500,1600,1200")


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
    )


def request(path: str, *queries: str) -> IngestRequest:
    """An ingest of a file with these variants."""
    shape = probed(path)
    wanted = tuple(effective(parse_text(query), shape, QUALITY) for query in queries)
    return IngestRequest(path, shape, wanted, str(Path(path).parent), LIMITS)


def taken_in(path: str, *queries: str) -> Ingested:
    """What `INGEST` brings over the border of the worker."""
    plain, body = INGEST.pack(ingest(request(path, *queries)))
    return INGEST.unpack(json.loads(json.dumps(plain)), memoryview(body))


def rendered(path: str, asked: IngestRequest, original: Size | None = None) -> list[Any]:
    """The same variants by `RENDER`, one by one."""
    again = RenderRequest(path, asked.transforms, asked.spill_dir, LIMITS, original=original)
    return [made.data if isinstance(made, Rendered) else made for made in render_each(again)]


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
    """The picture as a page shows it: what is transparent has no colour."""
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


@pytest.mark.parametrize(
    ("width", "height", "frames", "expected"),
    [
        (4000, 3000, 1, Size(1280, 960)),
        (3000, 4000, 1, Size(960, 1280)),
        (2000, 1500, 1, None),
        (2000, 1501, 1, Size(1280, 961)),
        (90_000, 100, 1, Size(1280, 1)),
        (4000, 3000, 2, None),
    ],
)
def test_only_large_stills_have_a_mezzanine(
    width: int, height: int, frames: int, expected: Size | None
) -> None:
    """Above 3 MP; the longest side is 1280, the other follows the ratio."""
    assert mezzanine_size(replace(LARGE, width=width, height=height, frames=frames)) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("w=640", True),
        ("w=641", False),
        ("w=256&h=256", True),
        ("", False),
        ("blur=10", False),
        ("w=256&exact=1", False),
        ("w=256&trim=10", False),
        ("w=256&frame=1", False),
        ("w=640&h=480&fit=cover", True),
        ("w=480&h=481&fit=cover", False),
        ("w=8000&enlarge=1", False),
        ("w=320&crop=0,0,2000,1500", True),
        ("w=321&crop=0,0,2000,1500", False),
        ("w=100&crop=0,0,0.05,0.05", False),
        ("w=100&crop=5000,0,10,10", False),
        ("w=2000&h=100&fit=pad", True),
        ("w=200&rotate=90&blur=3&gray=1&radius=max", True),
    ],
)
def test_a_mezzanine_serves_up_to_half_its_size(query: str, expected: bool) -> None:
    """Of what the variant shows it needs twice the pixels; and never where pixels decide."""
    assert serves(HALF, parse_text(query), LARGE) is expected


@given(
    st.tuples(*[st.integers(1, 4000)] * 2),
    st.tuples(*[st.integers(1, 3000)] * 2),
    st.integers(1, 700),
)
def test_a_crop_is_served_only_where_its_edges_fall(
    across: tuple[int, int], down: tuple[int, int], width: int
) -> None:
    """Mapped to whole pixels of the mezzanine, no edge is off by over 1/8 of a variant's pixel."""
    (left, right), (top, bottom) = sorted(across), sorted(down)
    crop = f"{left},{top},{max(1, right - left)},{max(1, bottom - top)}"

    if serves(HALF, parse_text(f"w={width}&crop={crop}"), LARGE):
        pixel = (right - left) / width  # of the variant, in pixels of the original
        scale = 4000 / 1280
        for edge in (left, right):
            assert abs(round(edge / scale) * scale - edge) <= pixel / 8 + 1e-9
        assert width * MARGIN <= (right - left) / scale + 1e-9


def _large_files(folder: Path) -> dict[str, str]:
    """Synthetic originals just above 3 MP, and the photographs where they are there."""
    picture = busy(2100, 1440)
    alpha = picture.copy()
    alpha.putalpha(Image.linear_gradient("L").resize(picture.size))
    files = {
        "jpeg": save(folder / "a.jpg", picture, quality=92),
        "turned": oriented(folder / "b.jpg", busy(1440, 2100), 6),
        "png": save(folder / "c.png", alpha, compress_level=1),
        "webp": save(folder / "d.webp", picture, quality=90, method=0),
        "heic": save(folder / "e.heic", picture, quality=80),
    }
    return files | {path.stem: str(path) for path in PHOTOS.glob("photo_[4-8]*.jpg")}


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Paths of large originals."""
    return _large_files(tmp_path_factory.mktemp("large"))


KINDS = ("jpeg", "turned", "png", "webp", "heic", "photo_4.1mp_moss_icc", "photo_8.0mp_mountains")


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_sees_the_difference(large: dict[str, str], tmp_path: Path, kind: str) -> None:
    """Variants of the mezzanine against those of the original: SSIM at least 0.98.

    Measured, the worst of all variants: photographs 0.997, ramps with lines and noise 0.982.
    """
    if kind not in large:
        pytest.skip(f"there are no photographs at {PHOTOS}")
    asked = request(large[kind], *(f"{query}&format=png" for query in SHOWN + CROPS))
    asked = replace(asked, spill_dir=str(tmp_path))
    size = mezzanine_size(asked.original)
    assert size is not None
    served = [it for it in asked.transforms if serves(size, it, asked.original)]
    assert len(served) >= 5
    asked = replace(asked, transforms=tuple(served))

    ingested = ingest(asked)

    direct = rendered(asked.path, asked)
    made = [it.data for it in ingested.outcomes if isinstance(it, Rendered) and it.data]
    scores = [ssim(*pair) for pair in zip(made, direct, strict=True)]
    # libwebp's own scaler, which a direct variant of WebP comes from, is the softer of the two.
    assert min(scores) >= (0.97 if kind == "webp" else 0.98), scores


@pytest.mark.parametrize("kind", KINDS[:5])
def test_a_variant_made_again_is_the_same(large: dict[str, str], tmp_path: Path, kind: str) -> None:
    """Now or after eviction, from the stored mezzanine or the original: equal bytes."""
    asked = request(large[kind], "w=256&h=256", "w=720", "w=700", "w=100&trim=9", "w=150&exact=1")
    asked = replace(asked, spill_dir=str(tmp_path))
    shown = Size(asked.original.width, asked.original.height)
    size = mezzanine_size(asked.original)
    assert size is not None
    served = [serves(size, it, asked.original) for it in asked.transforms]
    assert served == [True, False, False, False, False]

    ingested = ingest(asked)

    assert ingested.mezzanine is not None
    stored = tmp_path / "stored"
    stored.write_bytes(ingested.mezzanine)
    made = [it.data for it in ingested.outcomes if isinstance(it, Rendered)]
    from_mezzanine = rendered(str(stored), asked, shown)
    assert made[0] == from_mezzanine[0]
    assert made[1:] == rendered(asked.path, asked)[1:]
    assert [path.name for path in tmp_path.iterdir()] == ["stored"]


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "bmp"])
def test_sharing_a_decode_changes_no_byte_of_small_originals(tmp_path: Path, suffix: str) -> None:
    """They have no mezzanine; all variants come from the original."""
    path = save(tmp_path / f"a.{suffix}", busy(900, 700))
    asked = request(path, "w=256&h=256", "w=720", "", "w=200&crop=0.1,0.1,0.5,0.5", "w=60&blur=2")

    ingested = taken_in(
        path, "w=256&h=256", "w=720", "", "w=200&crop=0.1,0.1,0.5,0.5", "w=60&blur=2"
    )

    assert ingested.mezzanine is None
    made = [it.data for it in ingested.outcomes if isinstance(it, Rendered)]
    assert made == rendered(path, asked)


@pytest.mark.parametrize("kind", ["turned", "png"])
def test_the_mezzanine_is_upright_plain_and_keeps_alpha(large: dict[str, str], kind: str) -> None:
    """JPEG 4:4:4, or WebP with alpha; no EXIF, no profile."""
    ingested = taken_in(large[kind])

    assert ingested.mezzanine is not None
    picture: Any = Image.open(io.BytesIO(ingested.mezzanine))
    assert max(picture.size) == LONGEST_SIDE
    assert picture.format == {"turned": "JPEG", "png": "WEBP"}[kind]
    assert picture.mode == {"turned": "RGB", "png": "RGBA"}[kind]
    assert not picture.getexif()
    assert "icc_profile" not in picture.info
    if kind == "turned":
        assert picture.height == LONGEST_SIDE
        assert [layer[1:3] for layer in picture.layer] == [(1, 1)] * 3
        middle = picture.crop((220, 320, 658, 960))  # where `busy` has its quadrants
        assert is_near(corners(middle)[:3], QUADRANTS[:3], 8)


def test_animations_keep_their_frames(tmp_path: Path) -> None:
    """Facts from the first frame, no mezzanine, and the variants move."""
    ingested = taken_in(animation(tmp_path / "a.gif", 5), "w=30", "w=20&frame=3")

    assert ingested.mezzanine is None
    assert [it.frames for it in ingested.outcomes if isinstance(it, Rendered)] == [5, 1]
    assert ingested.facts.dominant_color == "#dc1e1e"


def test_a_variant_that_fails_fails_alone(tmp_path: Path) -> None:
    """An outcome each, in order."""
    path = save(tmp_path / "a.png", gradient(300, 200))
    asked = request(path, "w=50", "w=8000&h=8000&fit=fill&enlarge=1", "w=40")

    fine, bad, also = ingest(replace(asked, limits=replace(LIMITS, max_pixels=100_000))).outcomes

    assert isinstance(bad, ImageTooLarge)
    assert [it.width for it in (fine, also) if isinstance(it, Rendered)] == [50, 40]


def test_an_original_that_cannot_be_decoded_fails_the_call(tmp_path: Path) -> None:
    """And leaves no file behind."""
    path = Path(save(tmp_path / "a.png", busy(2100, 1440), compress_level=1))
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 1000] = bytes(1000)
    path.write_bytes(data)

    with pytest.raises(CorruptImage):
        ingest(request(str(path), "w=100"))

    assert list(tmp_path.iterdir()) == [path]


@settings(deadline=None)
@given(st.integers(1, 9000), st.integers(1, 9000))
def test_the_prediction_covers_what_is_kept(width: int, height: int) -> None:
    """More than the costliest variant alone."""
    original = replace(LARGE, width=width, height=height, decode_bytes=1000)
    wanted = effective(parse_text("w=100"), original, QUALITY)

    assert ingest_bytes(original, [wanted]) > 1000
