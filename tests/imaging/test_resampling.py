"""JPEGs are resampled by SIMD instructions where the accelerator is, and by libvips elsewhere."""

from __future__ import annotations

import base64
import io
import itertools
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from imagesvc.imaging.codecs import resampling, vips
from imagesvc.imaging.codecs.encode import encode, encode_image
from imagesvc.imaging.codecs.sources import open_source
from imagesvc.imaging.pipeline import develop, direct
from imagesvc.imaging.pipeline.stages import Stages
from imagesvc.imaging.pipeline.steps import Work
from imagesvc.imaging.transforms.geometry import Box, plan
from imagesvc.imaging.transforms.transform import parse_text
from imagesvc.model.formats import Format, Size
from tests.breadth import represented
from tests.imaging.originals import PHOTOS, REPOSITORY, busy, ssim
from tests.imaging.pictures import gradient, make, mapped, oriented, save, seen, swapped_profile

pytestmark = pytest.mark.skipif(
    not resampling.IS_AVAILABLE, reason="cykooz-resizer is not installed here"
)
QUERIES = (
    "w=50&format=jpeg",
    "w=97&h=61&fit=fill&format=jpeg",
    "w=64&h=64&fit=cover&gravity=north&format=jpeg",
    "w=80&crop=31,17,301,203&format=jpeg",
    "w=40&crop=0.25,0.25,0.5,0.5&format=webp",
    "w=120&h=90&fit=pad&bg=ff0000&format=png",
    "w=90&rotate=90&format=png",
)
WITHOUT = """
import sys
sys.modules["cykooz_resizer"] = None
import base64, json
from imagesvc.imaging.codecs import resampling
from tests.imaging.pictures import make
assert not resampling.IS_AVAILABLE
made = [make(path, query).data for path, query in json.load(sys.stdin)]
json.dump([base64.b64encode(data).decode() for data in made], sys.stdout)
"""


def by_libvips(*pairs: tuple[str, str]) -> list[bytes]:
    """Variants of paths and queries, made by a process that has no accelerator."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT],
        input=json.dumps(pairs),
        capture_output=True,
        text=True,
        check=True,
        cwd=REPOSITORY,
    )
    return [base64.b64decode(data) for data in json.loads(done.stdout)]


def levels(picture: Image.Image) -> Any:
    """The pixels as floating-point numbers."""
    return np.asarray(picture.convert("RGB"), dtype=float)


@dataclass(frozen=True)
class Subject:
    """A JPEG, as stored with some orientation."""

    path: str
    made: dict[str, bytes]
    """Variants by libvips alone."""


SUBJECTS = ("upright", "turned", "mirrored", "gray", "profile")


@pytest.fixture(scope="module")
def subjects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Subject]:
    """Sides are odd, so that blocks are incomplete, which libvips leaves out."""
    folder = tmp_path_factory.mktemp("subjects")
    paths = {kind: subject_file(folder / f"{kind}.jpg", kind) for kind in SUBJECTS}
    made = iter(by_libvips(*itertools.product(paths.values(), QUERIES)))
    return {
        kind: Subject(path, {query: next(made) for query in QUERIES})
        for kind, path in paths.items()
    }


def subject_file(path: Path, kind: str) -> str:
    """A JPEG of a kind."""
    picture = gradient(811, 603)
    if kind in {"turned", "mirrored"}:
        return oriented(path, picture, {"turned": 6, "mirrored": 5}[kind])
    if kind == "gray":
        return save(path, picture.convert("L"), quality=95)
    profile = swapped_profile() if kind == "profile" else None
    return save(path, picture, quality=95, icc_profile=profile)


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("kind", SUBJECTS)
def test_both_engines_make_the_same_variant(
    subjects: dict[str, Subject], kind: str, query: str
) -> None:
    """Size, place and colours are those of libvips; levels differ by little."""
    subject = subjects[kind]
    quick = seen(make(subject.path, query))

    slow = Image.open(io.BytesIO(subject.made[query]))
    assert (quick.size, quick.mode, quick.format) == (slow.size, slow.mode, slow.format)
    apart = np.abs(levels(quick) - levels(slow))
    assert apart.mean() < 3
    assert np.percentile(apart, 99) < 16


@pytest.mark.parametrize(
    ("suffix", "background"),
    represented(
        itertools.product(("png", "webp"), ("000000", "ffffff")),
        ("png", "ffffff"), ("webp", "000000"),
    ),
)  # fmt: skip
def test_transparency_looks_alike_on_any_background(
    tmp_path: Path, suffix: str, background: str
) -> None:
    """Colours of nearly transparent pixels are less exact, which no background shows."""
    picture = gradient(400, 300).convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    path = save(tmp_path / f"a.{suffix}", picture, lossless=True)
    query = f"w=130&bg={background}"
    (slow,) = by_libvips((path, query))

    quick = make(path, query)

    assert seen(quick).size == (130, 98)
    apart = np.abs(levels(seen(quick)) - levels(Image.open(io.BytesIO(slow))))
    assert apart.mean() < 1.5
    assert apart.max() <= 10


def test_transparent_pixels_lend_no_colour() -> None:
    """Red that cannot be seen does not come out beside green that can."""
    picture = Image.new("RGBA", (200, 100), (255, 0, 0, 0))
    picture.paste((0, 200, 0, 255), (100, 0, 200, 100))

    small = resampling.resampled(picture, Box(0, 0, 200, 100), 1, Size(21, 10))

    seen_pixels = [it for it in np.asarray(small).reshape(-1, 4) if it[3] > 8]
    assert len(seen_pixels) >= 100
    assert all(it[0] < 16 and it[1] > 180 for it in seen_pixels)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_shown_upright(tmp_path: Path, orientation: int) -> None:
    """The few pixels that are left are turned, which must be by the right table."""
    path = oriented(tmp_path / "a.jpg", gradient(400, 300), orientation)

    small = seen(make(path, "w=100"))

    upright = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    right = upright.resize(small.size, Image.Resampling.LANCZOS)
    assert np.abs(levels(small) - levels(right)).mean() < 3


def test_resampling_is_exact_lanczos() -> None:
    """Without a decoder that shrinks it is what Pillow computes; one edge in thousands differs."""
    picture = busy(640, 480)
    size = Size(133, 101)

    small = resampling.resampled(picture, Box(3, 5, 600, 470), 1, size)

    right = picture.resize((133, 101), Image.Resampling.LANCZOS, box=(3, 5, 603, 475))
    apart = np.abs(levels(small) - levels(right))
    assert apart.mean() < 0.3
    assert apart.max() <= 8


def test_a_part_between_pixels_is_kept_where_it_is() -> None:
    """After the decoder has shrunk a picture, edges of a region fall between its pixels."""
    ramp = Image.linear_gradient("L").rotate(90).resize((400, 40), Image.Resampling.BILINEAR)

    small = resampling.resampled(ramp, Box(101, 0, 601, 80), 2, Size(100, 10))

    right = ramp.resize((100, 10), Image.Resampling.LANCZOS, box=(50.5, 0, 351, 40))
    wrong = ramp.resize((100, 10), Image.Resampling.LANCZOS, box=(52, 0, 353, 40))
    assert np.abs(levels(small) - levels(right)).max() <= 1
    assert np.abs(levels(small) - levels(wrong)).mean() > 0.5


@pytest.mark.parametrize("query", ["w=100", "w=90&h=90&fit=cover", "w=80&crop=10,10,300,200"])
@pytest.mark.parametrize("kind", ["jpeg", "webp"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_without_libvips_the_bytes_are_the_same(
    tmp_path: Path, query: str, kind: str, mode: str
) -> None:
    """A variant that is only scaled passes libvips by; with libvips it would not differ."""
    path = save(tmp_path / "a.jpg", busy(500, 400).convert(mode), quality=90)
    transform = parse_text(f"{query}&format={kind}&q=70")
    work = Work(transform, plan(transform, 500, 400))

    quick = direct.variant(open_source(mapped(path), Format.JPEG), work, Stages(0))

    source = open_source(mapped(path), Format.JPEG)
    assert quick == encode(develop.develop(source, work, Stages(0)), transform)


@pytest.mark.parametrize(
    "query",
    ["w=100&blur=3", "w=100&gray=1", "w=100&rotate=90", "w=100&radius=5", "w=600&enlarge=1"],
)
def test_what_is_more_than_scaled_is_left_to_libvips(tmp_path: Path, query: str) -> None:
    """None of the steps may be forgotten."""
    path = save(tmp_path / "a.jpg", busy(500, 400), quality=90)
    transform = parse_text(f"{query}&format=jpeg&q=70")
    work = Work(transform, plan(transform, 500, 400))

    assert direct.variant(open_source(mapped(path), Format.JPEG), work, Stages(0)) is None


@pytest.mark.parametrize(
    ("mode", "q"),
    represented(
        itertools.product(("RGB", "RGBA", "L", "LA"), (1, 60, 79, 100)),
        ("RGB", 1), ("RGBA", 79), ("L", 60), ("LA", 100),
    ),
)  # fmt: skip
def test_both_encoders_of_webp_write_the_same_bytes(tmp_path: Path, mode: str, q: int) -> None:
    """Small pictures are written by Pillow and large ones by libvips."""
    picture = busy(203, 117).convert(mode)
    if mode.endswith("A"):
        picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    path = save(tmp_path / "a.png", picture)
    opened = open_source(mapped(path), Format.PNG).picture.copy_memory()

    data = encode(opened, parse_text(f"format=webp&q={q}"))

    assert data == bytes(opened.webpsave_buffer(Q=q, effort=4, keep="none"))


def test_a_limit_of_bytes_holds_without_libvips(tmp_path: Path) -> None:
    """The search for a quality is the same."""
    path = save(tmp_path / "a.jpg", busy(500, 400), quality=90)

    data = make(path, "w=200&format=jpeg&max_bytes=4000").data

    assert data is not None
    assert 2000 < len(data) <= 4000
    limited = parse_text("format=jpeg&q=80&max_bytes=4000")
    picture = busy(200, 160)
    opened = vips.from_levels(picture.tobytes(), 200, 160, 3).copy(interpretation="srgb")
    assert encode_image(picture, limited) == encode(opened, limited)


WIDTHS = (160, 400, 720, 1280)


@pytest.mark.long
@pytest.mark.skipif(not PHOTOS.is_dir(), reason=f"there are no photographs in {PHOTOS}")
def test_photographs_are_as_like_the_original_as_by_libvips() -> None:
    """SSIM to an exact Lanczos of the whole decode is at most 0.002 less; sizes agree in 2 %."""
    photos = sorted(PHOTOS.glob("*.jpg"))
    pairs = [(str(it), f"w={w}&format=jpeg&q=90") for it in photos for w in WIDTHS]
    slow = by_libvips(*pairs)
    for (path, query), other in zip(pairs, slow, strict=True):
        quick = make(path, query)
        assert quick.data is not None
        with Image.open(path) as image:
            if "icc_profile" in image.info:
                continue
            whole = image.convert("RGB").resize(
                (quick.width, quick.height), Image.Resampling.LANCZOS
            )
        exact = io.BytesIO()
        whole.save(exact, "PNG")
        likeness, before = (ssim(data, exact.getvalue()) for data in (quick.data, other))
        assert likeness > before - 0.002, (path, query, likeness, before)
        assert abs(len(quick.data) - len(other)) < 0.02 * len(other), (path, query)
