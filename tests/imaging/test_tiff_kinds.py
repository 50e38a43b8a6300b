"""Every kind of TIFF is refused by its header, or shown correctly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from imagesvc.errors import CorruptImage, UnsupportedMediaType
from imagesvc.imaging.messages import Files
from imagesvc.imaging.render import render
from imagesvc.imaging.transforms.effective import effective
from imagesvc.imaging.transforms.transform import parse_text
from imagesvc.model.ids import Digest
from imagesvc.model.images import Original
from tests.breadth import represented
from tests.imaging import tiffs
from tests.imaging.pictures import LIMITS, QUALITY, SpillFolder, pixel, probe, seen
from tests.imaging.tiffs import Kind, picture

Layouts = tuple[tuple[bool, ...], ...]
LAYOUTS: Layouts = tuple(product((False, True), repeat=2))
"""Interleaved or planar, in strips or in tiles."""
DEPTHS = (
    *((tiffs.UNSIGNED, bits) for bits in (1, 2, 4, 8, 12, 16, 24, 32, 64)),
    *((tiffs.SIGNED, bits) for bits in (8, 16, 32)),
    *((tiffs.FLOAT, bits) for bits in (16, 24, 32, 64)),
    (tiffs.UNDEFINED, 8), (tiffs.SIGNED_COMPLEX, 32), (tiffs.COMPLEX, 64),
)  # fmt: skip
PHOTOMETRICS = (
    tiffs.GRAY_INVERTED, tiffs.GRAY, tiffs.RGB, tiffs.PALETTE, tiffs.MASK, tiffs.CMYK,
    tiffs.YCBCR, tiffs.CIELAB, tiffs.ICCLAB, tiffs.ITULAB, tiffs.CFA, tiffs.LOG_L, tiffs.LOG_LUV,
    tiffs.LINEAR_RAW,
)  # fmt: skip
FEW = (tiffs.RGB, tiffs.PALETTE, tiffs.CFA)
COMPRESSIONS = {
    "fax_runs": tiffs.RLE,
    "fax_3": tiffs.GROUP_3,
    "fax_4": tiffs.GROUP_4,
    "lzw": tiffs.LZW,
    "old_jpeg": tiffs.OLD_JPEG,
    "jpeg": tiffs.JPEG,
    "deflate": tiffs.DEFLATE,
    "old_deflate": tiffs.OLD_DEFLATE,
    "packbits": tiffs.PACKBITS,
    "next": tiffs.NEXT,
    "thunderscan": tiffs.THUNDERSCAN,
    "pixar_log": tiffs.PIXAR_LOG,
    "dcs": tiffs.DCS,
    "jbig": tiffs.JBIG,
    "sgi_log": tiffs.SGI_LOG,
    "sgi_log_24": tiffs.SGI_LOG_24,
    "jpeg_2000": tiffs.JPEG_2000,
    "lerc": tiffs.LERC,
    "lzma": tiffs.LZMA,
    "zstd": tiffs.ZSTD,
    "webp": tiffs.WEBP,
    "jpeg_xl": tiffs.JPEG_XL,
    "unknown": tiffs.UNKNOWN,
}
FEW_COMPRESSIONS = ("fax_4", "lzw", "jpeg", "old_jpeg", "jpeg_2000", "unknown")
COMPRESSED = (
    Kind(photometric=tiffs.GRAY, bits=1),
    Kind(photometric=tiffs.GRAY_INVERTED, bits=1),
    Kind(photometric=tiffs.GRAY, bits=4),
    Kind(photometric=tiffs.GRAY),
    Kind(photometric=tiffs.GRAY, bits=16),
    Kind(photometric=tiffs.GRAY_INVERTED, bits=16),
    Kind(photometric=tiffs.GRAY, extra=1),
    Kind(),
    Kind(extra=1),
    Kind(bits=16),
    Kind(bits=32, form=tiffs.FLOAT),
    Kind(photometric=tiffs.PALETTE),
    Kind(photometric=tiffs.CMYK),
    Kind(photometric=tiffs.YCBCR),
    Kind(photometric=tiffs.CIELAB),
    Kind(photometric=tiffs.LOG_LUV, bits=16, form=tiffs.SIGNED),
)
TAKEN = (
    *(Kind(bits=bits, order=order, is_big=is_big)
      for bits in (8, 16, 32) for order in "<>" for is_big in (False, True)),
    *(Kind(bits=bits, form=tiffs.FLOAT, extra=extra, order=order)
      for bits in (16, 32) for extra in (0, 1) for order in "<>"),
    *(Kind(photometric=tiffs.GRAY, bits=bits, form=form)
      for form, bits in ((1, 1), (1, 4), (1, 8), (1, 16), (1, 32), (2, 16), (3, 16), (3, 32))),
    *(Kind(compression=it) for it in (tiffs.LZW, tiffs.JPEG, tiffs.DEFLATE, tiffs.OLD_DEFLATE,
                                      tiffs.PACKBITS, tiffs.LZMA, tiffs.ZSTD, tiffs.WEBP)),
    *(Kind(compression=it, photometric=tiffs.GRAY, bits=1)
      for it in (tiffs.RLE, tiffs.GROUP_3, tiffs.GROUP_4)),
    *(Kind(compression=it, bits=16, predictor=2, order=order)
      for it in (tiffs.LZW, tiffs.DEFLATE, tiffs.LZMA, tiffs.ZSTD) for order in "<>"),
    *(Kind(compression=tiffs.ZSTD, photometric=it)
      for it in (tiffs.GRAY, tiffs.PALETTE, tiffs.CMYK, tiffs.YCBCR, tiffs.CIELAB)),
    Kind(photometric=tiffs.CIELAB),
    Kind(photometric=tiffs.CIELAB, bits=16),
    Kind(photometric=tiffs.CIELAB, order=">"),
    Kind(photometric=tiffs.CMYK, bits=16),
    Kind(photometric=tiffs.YCBCR),
    Kind(compression=tiffs.JPEG, photometric=tiffs.YCBCR),
    Kind(compression=tiffs.ZSTD, is_big=True),
    Kind(is_planar=True, is_tiled=True),
    Kind(photometric=tiffs.GRAY, bits=1, is_planar=True),
)  # fmt: skip
"""Kinds in common use."""
LEFT, RIGHT = 0.141, 0.859
"""The positions of the ramp that are compared."""
TOLERANCE = 4


def uncompressed() -> Iterator[Kind]:
    """Every photometric interpretation at every depth."""
    for photometric, (form, bits), extra in product(PHOTOMETRICS, DEPTHS, (0, 1)):
        yield Kind(photometric=photometric, form=form, bits=bits, extra=extra)
    for photometric, extra in product((tiffs.GRAY, tiffs.RGB, tiffs.CMYK), (2, 4)):
        for bits in (8, 16):
            yield Kind(photometric=photometric, bits=bits, extra=extra)


def laid_out(
    kinds: Iterator[Kind] | tuple[Kind, ...], compression: int, layouts: Layouts
) -> Iterator[Kind]:
    """The kinds in each layout."""
    for kind, (is_planar, is_tiled) in product(kinds, layouts):
        yield replace(kind, compression=compression, is_planar=is_planar, is_tiled=is_tiled)


def shown(kind: Kind, folder: Path) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Both ends of the ramp in a variant; None for a kind that is refused by its header."""
    path = folder / "picture.tif"
    path.write_bytes(picture(kind))
    try:
        found = probe(str(path), LIMITS)
    except (UnsupportedMediaType, CorruptImage):
        return None
    original = Original(
        Digest("0" * 64), found.format, found.width, found.height, found.frames,
        has_alpha=found.has_alpha, decode_bytes=found.decode_bytes,
        decode_seconds=found.decode_seconds,
    )  # fmt: skip
    wanted = effective(parse_text("format=png"), original, QUALITY)
    made = render(Files(path.read_bytes(), SpillFolder(folder)), wanted, LIMITS)
    image = seen(made)
    assert ("A" in image.getbands()) == found.has_alpha, kind
    rgba = image.convert("RGBA")
    return pixel(rgba, (2, 12)), pixel(rgba, (37, 12))


def expected(kind: Kind) -> tuple[float, float] | None:
    """Both ends of the ramp as levels from 0 to 255; None if they have no simple value."""
    if kind.photometric not in {tiffs.GRAY_INVERTED, tiffs.GRAY, tiffs.RGB, tiffs.PALETTE}:
        return None
    ends = LEFT, RIGHT
    if kind.form == tiffs.FLOAT:
        return 105, 238  # linear light in sRGB
    if kind.bits < 8:
        top = (1 << kind.bits) - 1
        ends = round(LEFT * top) / top, round(RIGHT * top) / top
    if kind.photometric == tiffs.GRAY_INVERTED:
        ends = 1 - ends[0], 1 - ends[1]
    return 255 * ends[0], 255 * ends[1]


def check(kind: Kind, folder: Path) -> bool:
    """Whether a kind is accepted; an accepted kind is shown correctly."""
    ends = shown(kind, folder)
    levels = expected(kind)
    if ends is None:
        return False
    if levels is not None:
        for level, end in zip(levels, ends, strict=True):
            assert all(abs(level - it) <= TOLERANCE for it in end[:3]), (kind, ends)
    assert ends[0] != ends[1], (kind, "is shown as one colour")
    return True


in_layouts = pytest.mark.parametrize(
    "layouts",
    [
        pytest.param((LAYOUTS[0], LAYOUTS[-1]), id="two layouts"),
        pytest.param(LAYOUTS, id="all layouts", marks=pytest.mark.long),
    ],
)


@in_layouts
@pytest.mark.parametrize("photometric", represented(PHOTOMETRICS, *FEW))
def test_every_depth_is_refused_or_shown(
    photometric: int, layouts: Layouts, tmp_path: Path
) -> None:
    """A 201 promises a correct thumbnail."""
    kinds = (kind for kind in uncompressed() if kind.photometric == photometric)

    taken = [check(kind, tmp_path) for kind in laid_out(kinds, tiffs.NONE, layouts)]

    assert len(taken) > 25 * len(layouts)


@in_layouts
@pytest.mark.parametrize("name", represented(COMPRESSIONS, *FEW_COMPRESSIONS))
def test_every_compression_is_refused_or_shown(name: str, layouts: Layouts, tmp_path: Path) -> None:
    """Libvips leaves tiles blank that it cannot decode, without an error."""
    taken = [check(kind, tmp_path) for kind in laid_out(COMPRESSED, COMPRESSIONS[name], layouts)]

    assert len(taken) == len(COMPRESSED) * len(layouts)


def test_common_kinds_are_accepted(tmp_path: Path) -> None:
    """Refusing all kinds would keep the promise, too."""
    assert [kind for kind in TAKEN if not check(kind, tmp_path)] == []


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Kind(compression=tiffs.LERC), "TIFF files in LERC are not supported."),
        (Kind(compression=tiffs.UNKNOWN), "TIFF files in compression 60000 are not supported."),
        (Kind(photometric=tiffs.CFA), "TIFF files of colour filter arrays are not supported."),
        (Kind(bits=12), "TIFF files of 3 samples of 12 bits"),
        (Kind(bits=64, form=tiffs.FLOAT), "TIFF files of 3 floating-point samples of 64 bits"),
        (Kind(bits=32, compression=tiffs.ZSTD), "TIFF files of 3 samples of 32 bits"),
    ],
)
def test_a_refusal_names_the_unsupported_feature(kind: Kind, reason: str, tmp_path: Path) -> None:
    """The message helps to choose another way to save the picture."""
    path = tmp_path / "picture.tif"
    path.write_bytes(picture(kind))

    with pytest.raises(UnsupportedMediaType) as caught:
        probe(str(path), LIMITS)

    assert caught.value.detail.startswith(reason)
