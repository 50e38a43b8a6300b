"""Predicted memory of rendering."""

from __future__ import annotations

import itertools
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from imagesvc.errors import ImageTooLarge
from imagesvc.imaging.cost import render_bytes
from imagesvc.imaging.limits import Limits
from imagesvc.imaging.transform import parse_text
from imagesvc.model import Format
from tests.imaging.pictures import LIMITS, make, original, save

GROWTH = """
import sys
from imagesvc.imaging.render import render
from imagesvc.imaging.transform import parse_text
from tests.imaging.pictures import LIMITS, files, probe
def peak():
    return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
path, query = sys.argv[1:]
given = files(path)
decode_bytes = probe(path, LIMITS).decode_bytes
before = peak()
render(given, parse_text(query), LIMITS)
print(decode_bytes, (peak() - before) * 1024)
"""


Options = dict[str, int]
BASELINE: Options = {}
PROGRESSIVE: Options = {"progressive": True, "subsampling": 0}


@pytest.mark.parametrize(
    ("options", "query"),
    [
        *itertools.product(
            (BASELINE, PROGRESSIVE),
            (
                "w=100&format=jpeg&q=80",
                "format=jpeg&q=80",
                "format=webp&q=79",
                "format=avif&q=60",
                "rotate=90&format=jpeg&q=80",
            ),
        ),
        (BASELINE, "rotate=30&format=jpeg&q=80"),
        (BASELINE, "crop=0.1,0.1,0.8,0.8&trim=9&format=jpeg&q=80"),
        (BASELINE, "w=2000&h=1500&fit=cover&gravity=smart&format=jpeg&q=80"),
        (PROGRESSIVE, "sharpen=5&radius=max&format=jpeg&q=80"),
        (BASELINE, "sharpen=2&blur=2&format=jpeg&q=80"),
        (BASELINE, "max_bytes=100000&format=jpeg&q=80"),
    ],
)
def test_a_worker_grows_no_more_than_predicted(
    tmp_path: Path, query: str, options: Options
) -> None:
    """Admission adds predictions up: one that is too low takes a machine down.

    The peak resident size of a fresh process, 6 MP, against decoder and encoder together.
    """
    noise = Image.effect_noise((3000, 2000), 30)
    path = save(tmp_path / "a.jpg", Image.merge("RGB", (noise, noise, noise)), **options)

    done = subprocess.run(
        [sys.executable, "-c", GROWTH, path, query],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )

    decode_bytes, grown = map(int, done.stdout.split())
    shaped = replace(original(), width=3000, height=2000, decode_bytes=decode_bytes)
    assert grown <= render_bytes(parse_text(query), shaped)


def test_kept_frames_cost_memory() -> None:
    """An animation in GIF or WebP takes its frames along, in other formats only the first."""
    animated = replace(original(Format.GIF), width=100, height=100, frames=50)

    kept = render_bytes(parse_text("format=webp"), animated)
    first = render_bytes(parse_text("format=png"), animated)

    assert kept > 50 * 100 * 100
    assert first < 50 * 100 * 100


def test_a_variant_that_needs_too_much_memory_is_refused(tmp_path: Path) -> None:
    """AVIF of a picture takes six times the memory of a JPEG; the limit holds for that, too."""
    path = save(tmp_path / "a.jpg", Image.new("L", (1000, 1000)))
    limits = Limits(LIMITS.max_pixels, 1, 10_000_000)

    assert make(path, "format=jpeg", limits).width == 1000
    with pytest.raises(ImageTooLarge, match="24,000,000 bytes"):
        make(path, "format=avif", limits)
