"""The mezzanine: when it is used, and that the result does not differ visibly."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagesvc.imaging.analyse import analyse
from imagesvc.imaging.messages import Rendered
from imagesvc.imaging.mezzanine import MARGIN, analysis_cost, mezzanine_size, planned_mezzanine
from imagesvc.imaging.transforms.effective import effective
from imagesvc.imaging.transforms.transform import parse_text
from imagesvc.imaging.variant_plan import plan_variant
from imagesvc.model.formats import Size
from tests.breadth import represented
from tests.imaging.originals import PHOTOS, LargeFiles, chroma_distance, rendered, request, ssim
from tests.imaging.pictures import QUALITY, files, original

LARGE = replace(
    original(),
    width=4000,
    height=3000,
)
SHOWN = ("w=256&h=256", "w=400", "w=300&h=300&fit=cover", "w=500&h=200&fit=fill", "h=100&rotate=90")
CROPS = ("w=200&crop=0.25,0.25,0.5,0.5", "w=120&crop=800,500,1600,1200")


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
    """It needs twice the pixels of the variant, and is not used for exact pixels."""
    assert plan_variant(parse_text(query), planned_mezzanine(LARGE)).is_reduced is expected


@given(
    st.tuples(*[st.integers(1, 4000)] * 2),
    st.tuples(*[st.integers(1, 3000)] * 2),
    st.integers(1, 700),
)
def test_a_crop_is_served_only_where_its_edges_fall(
    across: tuple[int, int], down: tuple[int, int], width: int
) -> None:
    """In whole pixels of the mezzanine, no edge differs by more than 1/8 of a variant's pixel."""
    (left, right), (top, bottom) = sorted(across), sorted(down)
    crop = f"{left},{top},{max(1, right - left)},{max(1, bottom - top)}"

    wanted = parse_text(f"w={width}&crop={crop}")
    if plan_variant(wanted, planned_mezzanine(LARGE)).is_reduced:
        pixel = (right - left) / width  # of the variant, in pixels of the original
        scale = 4000 / 1280
        for edge in (left, right):
            assert abs(round(edge / scale) * scale - edge) <= pixel / 8 + 1e-9
        assert width * MARGIN <= (right - left) / scale + 1e-9


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> LargeFiles:
    """Paths of large originals."""
    return LargeFiles(tmp_path_factory.mktemp("large"))


KINDS = (
    "jpeg", "turned", "png", "webp", "heic", "photo_4.1mp_moss_icc", "photo_8.0mp_mountains",
)  # fmt: skip


@pytest.mark.parametrize("kind", represented(KINDS, "turned"))
def test_the_difference_is_not_visible(large: LargeFiles, kind: str) -> None:
    """Variants of the mezzanine are compared with those of the original: SSIM at least 0.98.

    Measured, the worst of all variants: photographs 0.997, ramps with lines and noise 0.982.
    """
    if kind.startswith("photo") and kind not in large:
        pytest.skip(f"there are no photographs at {PHOTOS}")
    asked = request(large[kind], *(f"{query}&format=png" for query in SHOWN + CROPS))
    served = [it for it in asked.transforms if it in asked.reduced]
    assert len(served) >= 5
    asked = replace(asked, transforms=tuple(served))

    analysed = analyse(files(large[kind]), asked)

    direct = rendered(large[kind], asked)
    made = [it.data for it in analysed.outcomes if isinstance(it, Rendered) and it.data]
    assert max(chroma_distance(*pair) for pair in zip(made, direct, strict=True)) < 1.5
    scores = [ssim(*pair) for pair in zip(made, direct, strict=True)]
    # libwebp's own scaler, which a direct variant of WebP comes from, is the softer of the two.
    assert min(scores) >= (0.97 if kind == "webp" else 0.98), scores


@given(st.integers(1, 9000), st.integers(1, 9000))
def test_the_prediction_covers_what_is_kept(width: int, height: int) -> None:
    """It is more than that of the costliest variant alone."""
    original = replace(LARGE, width=width, height=height, decode_bytes=1000)
    original = planned_mezzanine(original)
    wanted = effective(parse_text("w=100"), original, QUALITY)

    assert analysis_cost(original, [plan_variant(wanted, original).cost]).memory > 1000
