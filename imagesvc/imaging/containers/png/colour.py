"""The colour space that a PNG names: `cICP`, `sRGB`, or `gAMA` and `cHRM`.

Source: W3C PNG, third edition, 4.3 (which chunk counts) and 11.3.2 (what they say).
"""

from __future__ import annotations

import struct
import zlib

from imagesvc.imaging.containers.budget import Budget
from imagesvc.imaging.containers.cicp import (
    CURVES,
    NOMINAL_PEAK,
    PRIMARIES,
    SRGB,
    Chromaticities,
    ColourSpace,
    Curve,
    bounded_peak,
    chromaticities,
)
from imagesvc.imaging.containers.found import Data, big
from imagesvc.imaging.containers.png.png import PALETTE, SIGNATURE, chunks

_SIZES = {b"cICP": 4, b"sRGB": 1, b"gAMA": 4, b"cHRM": 32, b"cLLI": 8, b"mDCV": 24}
_PIXELS = frozenset({b"PLTE", b"IDAT"})
"""Chunks before which chunks about colours must be."""
SCALE = 100_000
PEAK_SCALE = 10_000
SRGB_GAMMA = 1 / 2.2
SAME_GAMMA = 0.05
"""The tolerance within which `gAMA` still means that of sRGB, as in libpng."""
SAME_PLACE = 0.01
EXPONENTS = (0.1, 10.0)
LEAST_AREA = 0.001


def read(data: Data, budget: Budget, *, has_profile: bool) -> ColourSpace | None:
    """The colour space of a valid file; None if its profile defines it, or none is named.

    Chunks of a wrong size or check sum, and unknown codes, are ignored.

    Args:
        data: the file.
        budget: for its chunks.
        has_profile: whether it has an ICC profile, which goes before all but `cICP`.
    """
    found = _chunks(data, budget)
    depth, colour = data[24], data[25]
    bits = 8 if colour == PALETTE else max(8, depth)
    cicp = found.get(b"cICP")
    if cicp and cicp[0] in PRIMARIES and cicp[1] in CURVES and cicp[2] == 0:
        curve, gamma = CURVES[cicp[1]]
        peak = bounded_peak(*_peaks(found)) if curve is Curve.PQ else NOMINAL_PEAK
        return ColourSpace(
            PRIMARIES[cicp[0]], curve, gamma, peak, bits=bits, is_narrow=cicp[3] == 0
        )
    if has_profile or b"sRGB" in found:
        return None
    exponent = _exponent(found.get(b"gAMA"))
    return ColourSpace(
        _primaries(found.get(b"cHRM")),
        Curve.POWER if exponent else Curve.SRGB,
        exponent or 1.0,
        bits=bits,
    )


def _chunks(data: Data, budget: Budget) -> dict[bytes, bytes]:
    """The first valid chunk of each kind."""
    found: dict[bytes, bytes] = {}
    for kind, start, end in chunks(data, len(SIGNATURE), budget):
        if kind in _PIXELS:
            break
        if _SIZES.get(kind) == end - start and kind not in found:
            body = data[start:end]
            if zlib.crc32(kind + body) == big(data, end, 4):
                found[kind] = body
    return found


def _peaks(found: dict[bytes, bytes]) -> tuple[float, float]:
    """The light of the brightest pixel, and of the mastering display; 0 if unknown."""
    content = big(found.get(b"cLLI", bytes(8)), 0, 4)
    mastering = big(found.get(b"mDCV", bytes(24)), 16, 4)
    return content / PEAK_SCALE, mastering / PEAK_SCALE


def _exponent(body: bytes | None) -> float | None:
    """The power that makes light of samples; None for that of sRGB."""
    gamma = big(body, 0, 4) / SCALE if body else 0.0
    if not gamma or abs(gamma / SRGB_GAMMA - 1) <= SAME_GAMMA:
        return None
    return 1 / gamma if EXPONENTS[0] <= 1 / gamma <= EXPONENTS[1] else None


def _primaries(body: bytes | None) -> Chromaticities:
    """The primaries of a `cHRM` chunk; those of sRGB if it is close to them, or invalid."""
    if body is None:
        return SRGB
    numbers = [it / SCALE for it in struct.unpack(">8I", body)]
    white, *colours = zip(numbers[::2], numbers[1::2], strict=True)
    found = chromaticities(*colours, white)
    (ax, ay), (bx, by), (cx, cy) = colours
    area = abs((bx - ax) * (cy - ay) - (cx - ax) * (by - ay)) / 2
    is_possible = max(numbers) <= 1 and white[1] > SAME_PLACE and area > LEAST_AREA
    is_srgb = all(
        abs(one - other) <= SAME_PLACE
        for ours, theirs in zip(found, SRGB, strict=True)
        for one, other in zip(ours[:2], theirs[:2], strict=True)
    )
    return found if is_possible and not is_srgb else SRGB
