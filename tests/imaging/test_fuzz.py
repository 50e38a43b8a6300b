"""Fuzzing of identification: damaged files raise only our errors, quickly, and in little memory.

`make test-long` tries FUZZ_EXAMPLES of each format, and renders accepted files. The examples are
the same each time; RANDOM_EXAMPLES=1 uses others.
"""

from __future__ import annotations

import io
import os
import resource
import struct
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagesvc.errors import Rejected
from imagesvc.imaging.analysis.exif import facts, place
from imagesvc.imaging.containers.budget import Budget
from imagesvc.imaging.containers.exif_block import read_tags
from imagesvc.imaging.containers.tidy.tidy import TIDIERS
from imagesvc.imaging.limits import Limits
from imagesvc.imaging.probe import probe
from tests.attack.hostile.bitmaps import icon
from tests.attack.hostile.directories import ifd
from tests.attack.hostile.webp import webp
from tests.breadth import represented
from tests.imaging.fuzzing import mutated
from tests.imaging.pictures import LIMITS, gradient, make, png_chunk, swapped_profile
from tests.imaging.test_exif import full_exif

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "3000"))
CPU_SECONDS = 3.0
MEMORY_KIB = 400 << 10
SMALL = Limits(max_pixels=2_000_000, max_frames=500, max_decode_bytes=MEMORY_KIB << 9)
"""Accepted files may use half the memory: a mutation can declare a large valid picture."""
EXIF = full_exif().tobytes()


def _saved(kind: str, size: tuple[int, int] = (24, 16), frames: int = 1, **options: Any) -> bytes:
    file = io.BytesIO()
    picture = gradient(*size)
    if frames > 1:
        others = [picture.rotate(90 * number) for number in range(1, frames)]
        options |= {"save_all": True, "append_images": others}
    picture.save(file, kind, **options)
    return file.getvalue()


def _rich_png() -> bytes:
    plain = _saved("PNG", exif=EXIF, icc_profile=swapped_profile())
    text = png_chunk(b"zTXt", b"a\0\0" + b"x\x9c\x03\0\0\0\0\1")
    return plain[:33] + text + png_chunk(b"iTXt", b"b\0\0\0\0\0c") + plain[33:]


def _big_tiff() -> bytes:
    rows = [(256, 3, 1, 8), (257, 3, 1, 8), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1),
            (273, 16, 1, 16), (277, 3, 1, 1), (278, 3, 1, 8), (279, 16, 1, 64)]  # fmt: skip
    body = b"".join(struct.pack("<HHQQ", *row) for row in rows)
    head = b"II+\0" + struct.pack("<HHQ", 8, 0, 80)
    return head + bytes(64) + struct.pack("<Q", len(rows)) + body + bytes(8)


_PNG = _saved("PNG")
SEEDS: dict[str, tuple[bytes, ...]] = {
    "JPEG": (
        _saved("JPEG"),
        _saved("JPEG", exif=EXIF, icc_profile=swapped_profile(), comment=b"a"),
        _saved("JPEG", progressive=True, restart_marker_blocks=1),
    ),
    "PNG": (_PNG, _rich_png(), _saved("PNG", frames=3)),
    "GIF": (_saved("GIF"), _saved("GIF", frames=3, comment=b"a")),
    "WebP": (
        _saved("WEBP", exif=EXIF, icc_profile=swapped_profile(), xmp=b"<x/>"),
        _saved("WEBP", frames=3, lossless=True),
        webp((b"EXIF", EXIF), flags=8),
    ),
    "TIFF": (
        _saved("TIFF", exif=EXIF),
        _saved("TIFF", frames=3, compression="tiff_lzw"),
        _big_tiff(),
    ),
    "AVIF": (_saved("AVIF"), _saved("AVIF", exif=EXIF), _saved("AVIF", frames=3)),
    "HEIC": (_saved("HEIF"), _saved("HEIF", exif=EXIF, xmp=b"<x/>")),
    "BMP": (_saved("BMP"),),
    "JPEG 2000": (_saved("JPEG2000"), _saved("JPEG2000", tile_size=(8, 8), no_jp2=True)),
    "ICO": (
        icon([(0, len(_PNG))], _PNG),
        _saved("ICO", (32, 32), bitmap_format="bmp", sizes=[(32, 32)]),
    ),
}
_CHECKS = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}
formats = pytest.mark.parametrize("name", SEEDS)


def identify(content: bytes, *, renders: bool = False) -> None:
    """Identify a file, and optionally render an accepted one; only our errors are correct."""
    started = time.thread_time()
    try:
        kind = probe(content, SMALL).format
        if kind in TIDIERS:
            TIDIERS[kind](content, 0, Budget(len(content)))
        if renders:
            _render(content)
    except Rejected as error:
        assert error.detail  # noqa: PT017 - taken or refused, both are right
    assert time.thread_time() - started < CPU_SECONDS


def _render(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a"
        path.write_bytes(content)
        make(str(path), "w=16", SMALL)


@formats
def test_seeds_are_valid(name: str) -> None:
    """Otherwise all of their mutations fail at the same place."""
    assert all(probe(seed, LIMITS).width for seed in SEEDS[name])


@pytest.mark.parametrize("name", represented(SEEDS, "JPEG", "HEIC"))
def test_damaged_files_are_accepted_or_refused(name: str) -> None:
    """This is a sample of the long run, the same each time."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    @settings(max_examples=150, **_CHECKS)  # type: ignore[arg-type]
    @given(mutated(SEEDS[name]))
    def attempt(content: bytes) -> None:
        identify(content)

    attempt()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY_KIB


@pytest.mark.long
@pytest.mark.timeout(3600)
@formats
def test_damaged_files_are_accepted_or_refused_at_length(name: str) -> None:
    """Accepted files are rendered, too."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    @settings(max_examples=EXAMPLES, **_CHECKS)  # type: ignore[arg-type]
    @given(mutated(SEEDS[name]))
    def attempt(content: bytes) -> None:
        identify(content, renders=True)

    attempt()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY_KIB


@settings(max_examples=4 * settings().max_examples, **_CHECKS)  # type: ignore[arg-type]
@given(st.one_of(mutated((EXIF, b"II*\0\x08\0\0\0" + ifd([(0x8769, 4, 1, 8)]))), st.binary()))
def test_damaged_exif_is_left_out(block: bytes) -> None:
    """Nothing is raised: the picture is accepted without it."""
    tags = read_tags(block)

    assert set(facts(tags)) | set(place(tags)) <= {
        "make", "model", "lens", "exposure_time", "f_number", "iso", "focal_length", "taken_at",
        "latitude", "longitude", "altitude",
    }  # fmt: skip
