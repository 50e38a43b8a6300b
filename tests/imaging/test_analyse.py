"""The call that makes analysis, mezzanine and first variants from one decode."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from imagesvc.errors import CorruptImage, ImageTooLarge
from imagesvc.imaging.analyse import Decoded, analyse
from imagesvc.imaging.analysis.pictures import analysis_of
from imagesvc.imaging.calls import ANALYSE, Answer
from imagesvc.imaging.colour.conversion import to_srgb
from imagesvc.imaging.messages import Analysed, Rendered
from imagesvc.imaging.mezzanine import (
    LONGEST_SIDE,
    mezzanine_size,
)
from imagesvc.model.formats import Size
from tests.breadth import represented
from tests.http.asking import damaged
from tests.imaging.originals import LargeFiles, busy, rendered, request
from tests.imaging.pictures import (
    LIMITS,
    QUADRANTS,
    animation,
    corners,
    files,
    gradient,
    is_near,
    save,
)

KINDS = ("jpeg", "turned", "png", "webp", "heic")


def taken_in(path: str, *queries: str) -> Analysed:
    """The result of `ANALYSE` after transfer from the worker."""
    plain, body = ANALYSE.pack(analyse(files(path), request(path, *queries)))
    return ANALYSE.unpack(json.loads(json.dumps(plain)), Answer(memoryview(body)))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> LargeFiles:
    """Paths of large originals."""
    return LargeFiles(tmp_path_factory.mktemp("large"))


@pytest.mark.parametrize("kind", represented(KINDS, "turned"))
def test_a_variant_made_again_is_the_same(large: LargeFiles, tmp_path: Path, kind: str) -> None:
    """The bytes are equal, now or after eviction, from the mezzanine or the original."""
    asked = request(large[kind], "w=256&h=256", "w=720", "w=700", "w=100&trim=9", "w=150&exact=1")
    shown = Size(asked.original.width, asked.original.height)
    size = mezzanine_size(asked.original)
    assert size is not None
    served = [it in asked.reduced for it in asked.transforms]
    assert served == [True, False, False, False, False]

    analysed = analyse(files(large[kind]), asked)

    assert analysed.mezzanine is not None
    stored = tmp_path / "stored"
    stored.write_bytes(analysed.mezzanine)
    made = [it.data for it in analysed.outcomes if isinstance(it, Rendered)]
    from_mezzanine = rendered(str(stored), asked, shown)
    assert made[0] == from_mezzanine[0]
    assert made[1:] == rendered(large[kind], asked)[1:]
    assert [path.name for path in tmp_path.iterdir()] == ["stored"]


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "bmp"])
def test_sharing_a_decode_changes_no_byte_of_small_originals(tmp_path: Path, suffix: str) -> None:
    """They have no mezzanine; all variants come from the original."""
    path = save(tmp_path / f"a.{suffix}", busy(900, 700))
    asked = request(path, "w=256&h=256", "w=720", "", "w=200&crop=0.1,0.1,0.5,0.5", "w=60&blur=2")

    analysed = taken_in(
        path, "w=256&h=256", "w=720", "", "w=200&crop=0.1,0.1,0.5,0.5", "w=60&blur=2"
    )

    assert analysed.mezzanine is None
    made = [it.data for it in analysed.outcomes if isinstance(it, Rendered)]
    assert made == rendered(path, asked)


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("queries", [("w=256&h=256", "w=720"), ("w=300",), ()])
def test_the_analysis_of_a_shared_decode_is_that_of_libvips(
    tmp_path: Path, mode: str, queries: tuple[str, ...]
) -> None:
    """Blocks at the end of odd sides are left out, and gray is gray."""
    path = save(tmp_path / "a.jpg", busy(1603, 1201).convert(mode), quality=90)
    asked = request(path, *queries)
    decoded = Decoded(files(path).data, asked.original, None, asked.transforms)

    found = taken_in(path, *queries).analysis

    assert decoded.shown_image() is not None
    assert found == analysis_of(to_srgb(decoded.reduced()))


@pytest.mark.parametrize("kind", ["turned", "png"])
def test_the_mezzanine_is_upright_plain_and_keeps_alpha(large: LargeFiles, kind: str) -> None:
    """JPEG 4:2:0, or WebP with alpha; no EXIF, no profile."""
    analysed = taken_in(large[kind])

    assert analysed.mezzanine is not None
    picture: Any = Image.open(io.BytesIO(analysed.mezzanine))
    assert max(picture.size) == LONGEST_SIDE
    assert picture.format == {"turned": "JPEG", "png": "WEBP"}[kind]
    assert picture.mode == {"turned": "RGB", "png": "RGBA"}[kind]
    assert not picture.getexif()
    assert "icc_profile" not in picture.info
    if kind == "turned":
        assert picture.height == LONGEST_SIDE
        assert [layer[1:3] for layer in picture.layer] == [(2, 2), (1, 1), (1, 1)]
        middle = picture.crop((220, 320, 658, 960))  # where `busy` has its quadrants
        assert is_near(corners(middle)[:3], QUADRANTS[:3], 8)


def test_animations_keep_their_frames(tmp_path: Path) -> None:
    """The analysis uses the first frame, there is no mezzanine, and the variants are animated."""
    analysed = taken_in(animation(tmp_path / "a.gif", 5), "w=30", "w=20&frame=3")

    assert analysed.mezzanine is None
    assert [it.frames for it in analysed.outcomes if isinstance(it, Rendered)] == [5, 1]
    assert analysed.analysis.dominant_color == "#dc1e1e"


def test_a_failed_variant_affects_no_other(tmp_path: Path) -> None:
    """Each variant has a result, in order."""
    path = save(tmp_path / "a.png", gradient(300, 200))
    asked = request(path, "w=50", "w=8000&h=8000&fit=fill&enlarge=1", "w=40")

    asked = replace(asked, limits=replace(LIMITS, max_pixels=100_000))
    fine, bad, also = analyse(files(path), asked).outcomes

    assert isinstance(bad, ImageTooLarge)
    assert [it.width for it in (fine, also) if isinstance(it, Rendered)] == [50, 40]


def test_an_original_that_cannot_be_decoded_fails_the_call(tmp_path: Path) -> None:
    """No file is left."""
    path = tmp_path / "a.avif"
    path.write_bytes(damaged())

    with pytest.raises(CorruptImage):
        analyse(files(str(path)), request(str(path), "w=100"))

    assert list(tmp_path.iterdir()) == [path]
