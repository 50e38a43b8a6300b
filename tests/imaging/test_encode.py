"""Bytes of variants: lossless ones, and ones that must fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagesvc.imaging.codecs.encode import MAX_ATTEMPTS, fitted
from tests.breadth import represented
from tests.imaging.pictures import gradient, make, save, seen
from tests.imaging.test_regions import array

LADDER = (1.0, 0.75, 0.5, 0.25)
"""The requested quality, and attempts of a server that does not search."""


def textured(width: int = 300, height: int = 200) -> Image.Image:
    """A gradient with grain, so that every step of quality changes the size."""
    grain = np.random.default_rng(3).integers(-20, 20, (height, width, 3))
    return Image.fromarray(np.clip(array(gradient(width, height)) + grain, 0, 255).astype("uint8"))


@pytest.mark.parametrize("kind", ["webp", "avif"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_lossless_keeps_every_pixel(tmp_path: Path, kind: str, mode: str) -> None:
    """This includes noise, and the colours of transparent pixels."""
    source = textured(61, 37)
    source.putalpha(Image.linear_gradient("L").resize(source.size))
    source = source.convert(mode)
    path = save(tmp_path / "a.png", source)

    picture = seen(make(path, f"lossless=1&format={kind}"))

    whole = "RGBA" if mode == "RGBA" else "RGB"
    assert (array(picture, whole) == array(source, whole)).all()


@pytest.mark.parametrize("kind", represented(["jpeg", "webp", "avif"], "webp"))
@pytest.mark.parametrize("share", represented((0.25, 0.5, 0.8), 0.5))
def test_max_bytes_is_kept_and_better_than_a_ladder(
    tmp_path: Path, kind: str, share: float
) -> None:
    """The variant fits, and no quality that fits gives a much larger one."""
    path = save(tmp_path / "a.png", textured(120, 80))
    sizes = [make(path, f"format={kind}&q={q}").bytes for q in range(1, 91)]
    bound = int(sizes[-1] * share)

    made = make(path, f"format={kind}&q=90&max_bytes={bound}")

    ladder = [sizes[int(90 * step) - 1] for step in LADDER]
    assert made.bytes <= bound
    assert made.bytes >= max([size for size in ladder if size <= bound], default=0)
    assert made.bytes >= 0.93 * max(size for size in sizes if size <= bound)
    seen(made).load()


def test_a_fitting_output_is_the_same_as_without_a_limit(tmp_path: Path) -> None:
    """`q` is never exceeded: the bytes are the same as without a limit."""
    path = save(tmp_path / "a.png", textured())

    plain, bound = make(path, "format=jpeg&q=40"), make(path, "format=jpeg&q=40&max_bytes=9999999")

    assert plain.data == bound.data


def test_an_output_that_cannot_fit_is_made_as_small_as_possible(tmp_path: Path) -> None:
    """A picture that is too large is more useful than an error; it has quality 1."""
    path = save(tmp_path / "a.png", textured())

    assert make(path, "format=jpeg&max_bytes=9").data == make(path, "format=jpeg&q=1").data


@pytest.mark.parametrize("query", ["max_bytes=99&format=png", "max_bytes=99&format=gif"])
def test_formats_without_quality_have_no_bound(tmp_path: Path, query: str) -> None:
    """They have no quality to lower; the key is dropped, as `q` is."""
    path = save(tmp_path / "a.png", textured())

    assert make(path, query).data == make(path, query.removeprefix("max_bytes=99&")).data


def test_animations_fit_too(tmp_path: Path) -> None:
    """All frames are encoded from one copy in memory."""
    frames = [textured(60, 40).rotate(number) for number in range(4)]
    path = save(tmp_path / "a.webp", frames[0], save_all=True, append_images=frames[1:])
    bound = make(path, "format=webp&q=90").bytes // 2

    made = make(path, f"format=webp&q=90&max_bytes={bound}")

    assert made.bytes <= bound
    assert getattr(seen(made), "n_frames", 1) == 4


@pytest.mark.parametrize("curve", [1.0, 1.02, 1.08])
def test_the_search_is_short_and_ends_at_the_bound(curve: float) -> None:
    """The sizes grow linearly, or faster and faster."""
    for best in (1, 2, 5, 80, 100):
        for bound in (0, 10, 300, 900, 1500, 5000, 10**6):
            assert_search_is_short(best, curve, bound)


def assert_search_is_short(best: int, curve: float, bound: int) -> None:
    """It ends at the largest size within the bound, or at the smallest."""
    tried: list[int] = []

    def attempt(q: int) -> bytes:
        tried.append(q)
        return b"\0" * int(100 + (q if curve == 1 else curve**q / curve) * 20)

    data = fitted(attempt, best, bound)

    sizes = {q: len(attempt(q)) for q in range(1, best + 1)}
    within = [size for size in sizes.values() if size <= bound]
    searched = tried[: len(tried) - best]
    assert len(searched) <= MAX_ATTEMPTS, (best, bound)
    assert len(searched) == len(set(searched)), (best, bound)
    assert len(data) <= bound or not within, (best, bound)
    if within:
        assert len(data) >= 0.9 * max(within), (best, bound)
    else:
        assert len(data) == sizes[1], (best, bound)


@pytest.mark.parametrize("best", [60, 79, 100])
def test_the_last_attempt_is_quality_one(best: int) -> None:
    """If quality hardly changes the size, guesses would end far above the limit."""
    tried: list[int] = []

    def attempt(q: int) -> bytes:
        tried.append(q)
        return b"\0" * (10_000 + q)

    assert len(fitted(attempt, best, 10_001)) == 10_001
    assert len(tried) <= MAX_ATTEMPTS
