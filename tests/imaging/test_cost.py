"""Predicted memory and processor time, compared with measurements."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pyvips
from PIL import Image

from imagesvc.errors import ImageTooLarge, TooCostly
from imagesvc.imaging.cost import check_seconds
from imagesvc.imaging.limits import Limits
from imagesvc.imaging.transforms.transform import parse_text
from imagesvc.imaging.variant_plan import plan_variant
from imagesvc.model.formats import Format
from imagesvc.model.images import Original
from tests.breadth import represented
from tests.imaging.pictures import LIMITS, make, original, probe, save

REPOSITORY = Path(__file__).parents[2]
SHARED = Path(os.environ.get("TEST_SHARED", REPOSITORY.parent / "shared"))
MOST_OVER, SPARE = 4, 96 << 20
"""A prediction is at most this factor above the measurement, and this many bytes."""
FLAT = {"thumbor_9643x10328.jpg"}
"""100 MP of almost one colour, for which encoders hold little memory."""
QUERIES = (
    "w=100",
    "format=jpeg",
    "format=png",
    "format=webp",
    "format=webp&lossless=1",
    "format=avif",
    "format=gif",
    "rotate=90&format=jpeg",
    "rotate=30&format=webp",
    "blur=20&format=jpeg",
    "sharpen=5&radius=max&format=png",
    "trim=9&crop=0.1,0.1,0.8,0.8&format=jpeg",
    "w=700&h=500&fit=cover&gravity=smart&format=webp",
)
FEW = (
    ("baseline", "w=100"),
    ("small", "format=webp&lossless=1"),
    ("animation", "w=100&h=60&fit=cover&blur=2"),
    ("deep", "w=100&format=jpeg"),
)
SOME = (
    ("baseline", "format=avif"),
    ("baseline", "sharpen=2&blur=2&format=jpeg"),
    ("small", "rotate=30&format=webp"),
    ("baseline", "max_bytes=100000&format=jpeg"),
    ("progressive", "format=jpeg"),
    ("progressive", "rotate=30&format=jpeg"),
    ("animation", "rotate=7&format=gif"),
    ("animation", "format=jpeg"),
    ("moving_png", "w=100&format=webp"),
    ("moving_png", "frame=9&format=png"),
    ("moving_avif", "w=100&format=webp"),
    ("moving_avif", "frame=4&format=png"),
    ("moving_avif", "format=gif"),
    ("tiles", "w=100&format=jpeg"),
    ("floats", "w=100&format=jpeg"),
    ("zstd", "w=100&format=jpeg"),
    ("deep", "format=webp"),
    ("deep_tiff", "w=1000&format=jpeg"),
    ("transparent", "format=webp"),
)
"""With those above, a plan of each kind.

The long test has larger pictures, and all formats for each file.
"""


def noise(width: int, height: int) -> Image.Image:
    """Data that no encoder can compress."""
    return Image.merge("RGB", [Image.effect_noise((width, height), 30)] * 3)


MAKERS: dict[str, Callable[[Path], str]] = {
    "baseline": lambda folder: save(folder / "a.jpg", noise(2400, 1600)),
    "small": lambda folder: save(folder / "l.jpg", noise(1200, 800)),
    "progressive": lambda folder: save(
        folder / "b.jpg", noise(2400, 1600), progressive=True, subsampling=0
    ),
    "png": lambda folder: save(folder / "c.png", noise(1600, 1200), compress_level=1),
    "webp": lambda folder: save(folder / "d.webp", noise(1600, 1200), method=0),
    "avif": lambda folder: save(folder / "e.avif", noise(1000, 800), speed=10),
    "animation": lambda folder: moving(
        folder / "f.gif",
        [noise(200, 150).convert("P").rotate(turn) for turn in range(45)],
        loop=0,
    ),
    "moving_png": lambda folder: moving(folder / "h.png", [noise(400, 300) for _ in range(10)]),
    "moving_avif": lambda folder: moving(
        folder / "j.avif", [noise(900, 700) for _ in range(5)], subsampling="4:4:4", speed=10
    ),
    "tiles": lambda folder: save(folder / "g.jp2", noise(800, 800), tile_size=(8, 8)),
    "floats": lambda folder: floats(folder / "h.tif", 1600, 1200),
    "deep": lambda folder: deep(folder / "j.png", 1600, 1200, profile="p3", compression=1),
    "deep_tiff": lambda folder: deep(folder / "j.tif", 1600, 1200, profile="p3"),
    "transparent": lambda folder: save(folder / "k.png", transparent(1200, 900), compress_level=1),
    "zstd": lambda folder: save(folder / "i.tif", noise(1600, 1200), compression="zstd"),
}
"""One file of each kind that is predicted in its own way."""


def originals(folder: Path, names: Iterable[str] = MAKERS) -> dict[str, str]:
    """Files of these kinds."""
    return {name: MAKERS[name](folder) for name in names}


def moving(path: Path, frames: Sequence[Image.Image], **options: Any) -> str:
    """An animation."""
    return save(path, frames[0], save_all=True, append_images=frames[1:], **options)


def deep(path: Path, width: int, height: int, **options: Any) -> str:
    """A picture of noise with transparency, of 16 bits a sample."""
    noise = pyvips.Image.gaussnoise(width, height, mean=30_000, sigma=6_000).cast("ushort")
    picture = noise.bandjoin([noise.fliphor(), noise.flipver(), noise.rot180()])
    picture.copy(interpretation="rgb16").write_to_file(str(path), **options)
    return str(path)


def transparent(width: int, height: int) -> Image.Image:
    """Noise, also in its transparency."""
    return Image.merge("RGBA", [Image.effect_noise((width, height), 30)] * 4)


def floats(path: Path, width: int, height: int) -> str:
    """A TIFF of samples of 32 bits in floating point."""
    picture = pyvips.Image.gaussnoise(width, height, mean=0.5, sigma=0.1).bandjoin([0.5, 0.2])
    picture.copy(interpretation="scrgb").tiffsave(str(path))
    return str(path)


def measured(cases: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """Predicted and measured cost of each path and query."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.imaging.cost_runner"],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        check=True,
        cwd=REPOSITORY,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def off(outcome: dict[str, Any]) -> bool:
    """Whether the predicted memory is too low, or far too high."""
    predicted, grown = outcome["memory"], outcome["grown"]
    is_flat = Path(outcome["path"]).name in FLAT
    return not grown <= predicted or (predicted > MOST_OVER * grown + SPARE and not is_flat)


@pytest.mark.parametrize(
    "cases", [FEW, pytest.param(SOME, marks=pytest.mark.breadth)], ids=["few", "some"]
)
def test_a_worker_grows_about_as_much_as_predicted(
    tmp_path: Path, cases: Sequence[tuple[str, str]]
) -> None:
    """Admission adds predictions: low ones overload a machine, high ones leave it idle."""
    files = originals(tmp_path, {name for name, _ in cases})

    outcomes = measured([(files[name], query) for name, query in cases])

    assert len(outcomes) == len(cases)
    assert [it for it in outcomes if "error" in it or off(it)] == []


@pytest.mark.long
@pytest.mark.timeout(3000)
def test_every_format_grows_about_as_much_as_predicted(tmp_path: Path) -> None:
    """All kinds of files and the corpus, if available, with all kinds of operations."""
    corpus = sorted(map(str, (SHARED / "corpus" / "valid").glob("*")))
    if not corpus:
        print(f"there is no corpus at {SHARED}")  # noqa: T201

    outcomes = measured(list(itertools.product([*originals(tmp_path).values(), *corpus], QUERIES)))

    known = [it for it in outcomes if "error" not in it]
    assert len(known) > len(outcomes) // 2
    assert [it for it in known if off(it)] == []


def test_kept_frames_cost_memory() -> None:
    """GIF and WebP variants keep all frames of an animation, other formats only the first."""
    animated = shaped(100, 100, Format.GIF, frames=50)

    kept = plan_variant(parse_text("format=webp"), animated).cost
    first = plan_variant(parse_text("format=png"), animated).cost

    assert kept.memory - first.memory > 50 * 100 * 100
    assert kept.seconds > 10 * first.seconds


def test_a_variant_that_needs_too_much_memory_is_refused(tmp_path: Path) -> None:
    """AVIF takes six times the memory of a JPEG; the limit applies to it, too."""
    path = save(tmp_path / "a.jpg", Image.new("L", (1000, 1000)))
    limits = Limits(LIMITS.max_pixels, 1, 10_000_000)

    assert make(path, "format=jpeg", limits).width == 1000
    with pytest.raises(ImageTooLarge, match="24,000,000 bytes"):
        make(path, "format=avif", limits)


def test_work_that_cannot_be_done_in_time_is_refused() -> None:
    """This reached the limit of 30 s, at every attempt."""
    query = "rotate=7&lossless=1&format=webp"
    cost = plan_variant(parse_text(query), shaped(400, 400, Format.GIF, 500)).cost

    with pytest.raises(TooCostly, match="take about"):
        check_seconds(cost, 30.0)


@pytest.mark.parametrize(
    ("shape", "query"),
    [
        ((8000, 6000, Format.JPEG), "w=256&h=256&format=jpeg"),
        ((8000, 6000, Format.JPEG), "format=avif"),
        ((4000, 3000, Format.PNG), "lossless=1&format=webp"),
        ((600, 400, Format.GIF, 100), "w=300&format=webp"),
        ((4000, 3000, Format.JPEG), "blur=250&w=1000&format=jpeg"),
        ((1600, 1200, Format.JPEG), "w=7000&h=7000&fit=fill&enlarge=1&blur=250&format=jpeg"),
        ((6000, 4000, Format.JPEG), "rotate=30&blur=39&format=jpeg"),
    ],
)
def test_usual_requests_are_not_refused(shape: tuple[Any, ...], query: str) -> None:
    """Large photographs, long animations, and strong effects are made."""
    check_seconds(plan_variant(parse_text(query), shaped(*shape)).cost, 30.0)


def test_scans_cost_time(tmp_path: Path) -> None:
    """A scan of a progressive JPEG takes 12 bytes, and a decoder processes the whole picture."""
    data = Path(
        save(tmp_path / "a.jpg", Image.new("L", (1000, 1000)), progressive=True)
    ).read_bytes()
    last = data.rindex(b"\xff\xda")
    (tmp_path / "b.jpg").write_bytes(data[:last] + 900 * data[last:-2] + b"\xff\xd9")

    few, many = (probe(str(tmp_path / name), LIMITS).decode_seconds for name in ("a.jpg", "b.jpg"))

    assert few < 0.1
    assert many > 20 * few


@pytest.mark.parametrize("name", represented(["a.png", "a.tif"], "a.tif"))
def test_a_profile_of_16_bits_costs_time(tmp_path: Path, name: str) -> None:
    """Every pixel is converted, also for a small variant; 8 bits are scaled first."""
    plain = deep(tmp_path / f"plain_{name}", 1000, 1000)
    profiled = deep(tmp_path / f"profiled_{name}", 1000, 1000, profile="p3")

    few, many = (probe(path, LIMITS).decode_seconds for path in (plain, profiled))

    assert many > few + 0.02


def test_an_original_without_a_prediction_counts_as_expensive() -> None:
    """Older uploads without a prediction may have any number of scans."""
    known = replace(shaped(2000, 2000, Format.JPEG), decode_seconds=0.02)
    unknown = replace(known, decode_seconds=None)
    wanted = parse_text("w=100&format=jpeg")

    slow, fast = (plan_variant(wanted, it).cost.seconds for it in (unknown, known))
    assert slow > fast


def shaped(width: int, height: int, kind: Format, frames: int = 1) -> Original:
    """An original of a size."""
    return replace(original(kind, frames=frames), width=width, height=height)
