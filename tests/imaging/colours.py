"""Files with a named colour space, and their colours in sRGB by the published formulas."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from PIL import Image

from tests.imaging.pictures import png_chunk

SHARED = Path(os.environ.get("TEST_SHARED", Path(__file__).parents[3] / "shared"))
CASES, VALID = SHARED / "cases", SHARED / "corpus" / "valid"
"""Files of other projects and of reports, if available (`TEST_SHARED`)."""
D65, C, DCI = (0.3127, 0.3290), (0.310, 0.316), (0.314, 0.351)
PLACES = {
    1: ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), D65),
    4: ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), C),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), D65),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), DCI),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), D65),
}
"""The x and y of primaries and white, by their code (ITU-T H.273, table 2)."""
BRADFORD = np.array(
    ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
)
WHITE, PEAK, PQ_PEAK = 203.0, 1000.0, 10_000.0
M1, M2, C1, C2, C3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
Levels = tuple[int, ...]


def shown(samples: Any, primaries: int, transfer: int, peak: float = PEAK) -> Levels:
    """Samples from 0 to 1 in sRGB: the curve, the tone map of HDR, the primaries."""
    light = light_of(np.clip(np.array(samples, dtype=float), 0, 1), transfer, primaries)
    if transfer in {16, 18}:
        light = tone_mapped(light, peak if transfer == 16 else PEAK)
    return srgb(matrix(PLACES[primaries]) @ light)


def srgb(light: Any) -> Levels:
    """Light in sRGB levels (IEC 61966-2-1)."""
    light = np.clip(light, 0, 1)
    levels = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return tuple(int(it) for it in np.rint(levels * 255))


def light_of(v: Any, transfer: int, primaries: int) -> Any:
    """Light of samples, 1 being white (ITU-T H.273, table 3; cameras' curves as sRGB)."""
    if transfer == 16:
        power = v ** (1 / M2)
        return (np.maximum(power - C1, 0) / (C2 - C3 * power)) ** (1 / M1) * PQ_PEAK / WHITE
    if transfer == 18:
        bent = (np.exp((v - 0.55991073) / 0.17883277) + 0.28466892) / 12
        scene = np.where(v <= 0.5, v * v / 3, bent)
        luminance = to_xyz(PLACES[primaries])[1] @ scene
        return scene * luminance**0.2 * PEAK / WHITE
    simple = {4: v**2.2, 5: v**2.8, 8: v, 9: 10 ** (2 * (v - 1)) * (v > 0)}
    simple[10] = 10 ** (2.5 * (v - 1)) * (v > 0)
    simple[7] = np.where(v < 0.0913, v / 4, ((v + 0.1115) / 1.1115) ** (1 / 0.45))
    simple[17] = v**2.6 * 52.37 / 48
    return simple.get(transfer, np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4))


def tone_mapped(light: Any, peak: float) -> Any:
    """Light scaled so that its largest band follows the EETF (ITU-R BT.2390, 5.4.1)."""
    largest = max(light)
    if largest <= 0:
        return light
    top = pq_of(peak / PQ_PEAK)
    most = pq_of(WHITE / PQ_PEAK) / top
    knee = 1.5 * most - 0.5
    e = min(1.0, pq_of(largest * WHITE / PQ_PEAK) / top)
    if e >= knee and knee < 1:
        t = (e - knee) / (1 - knee)
        e = (
            (2 * t**3 - 3 * t**2 + 1) * knee
            + (t**3 - 2 * t**2 + t) * (1 - knee)
            + (3 * t**2 - 2 * t**3) * most
        )
    power = (e * top) ** (1 / M2)
    mapped = (max(power - C1, 0) / (C2 - C3 * power)) ** (1 / M1) * PQ_PEAK / WHITE
    return light * (mapped / largest)


def pq_of(light: float) -> float:
    """The sample of a light, 1 being 10,000 cd/m2."""
    power = light**M1
    return float(((C1 + C2 * power) / (1 + C3 * power)) ** M2)


def matrix(places: Any) -> Any:
    """From light of some primaries to that of sRGB, white to white by Bradford."""
    cones, wanted = (BRADFORD @ xyz(white[3]) for white in (places, PLACES[1]))
    adapted = np.linalg.inv(BRADFORD) @ np.diag(wanted / cones) @ BRADFORD
    return np.linalg.inv(to_xyz(PLACES[1])) @ adapted @ to_xyz(places)


def to_xyz(places: Any) -> Any:
    """From light of some primaries to XYZ."""
    columns = np.array([xyz(place) for place in places[:3]]).T
    return columns * np.linalg.solve(columns, xyz(places[3]))


def xyz(place: tuple[float, float]) -> Any:
    """A colour of a Y of 1."""
    x, y = place
    return np.array((x / y, 1.0, (1 - x - y) / y))


def png(
    path: Path,
    sample: Levels,
    *chunks: tuple[bytes, bytes],
    depth: int = 8,
    size: int = 16,
) -> str:
    """A PNG of one colour, gray or RGB, with or without alpha, and chunks before its pixels."""
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[len(sample)]
    header = struct.pack(">IIBBBBB", size, size, depth, colour, 0, 0, 0)
    row = b"\0" + struct.pack(f">{len(sample)}{'B' if depth == 8 else 'H'}", *sample) * size
    whole = ((b"IHDR", header), *chunks, (b"IDAT", zlib.compress(row * size)), (b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*it) for it in whole))
    return str(path)


def cicp(primaries: int, transfer: int, *, is_full: bool = True) -> tuple[bytes, bytes]:
    """A `cICP` chunk."""
    return b"cICP", bytes((primaries, transfer, 0, is_full))


def gama(value: int) -> tuple[bytes, bytes]:
    """A `gAMA` chunk of 100,000 times the gamma."""
    return b"gAMA", struct.pack(">I", value)


def chrm(places: Any) -> tuple[bytes, bytes]:
    """A `cHRM` chunk."""
    numbers = [round(it * 100_000) for place in (places[3], *places[:3]) for it in place]
    return b"cHRM", struct.pack(">8I", *numbers)


def iccp(profile: bytes) -> tuple[bytes, bytes]:
    """An `iCCP` chunk."""
    return b"iCCP", b"x\0\0" + zlib.compress(profile)


def flat(sample: Levels, size: int = 32) -> Image.Image:
    """A picture of one colour."""
    return Image.new("RGB", (size, size), sample)


def avif(path: Path, picture: Image.Image, nclx: tuple[int, int], **options: Any) -> str:
    """An AVIF of 8 bits with changed primaries and curve in its `nclx`."""
    file = io.BytesIO()
    picture.save(file, "AVIF", quality=100, **{"subsampling": "4:4:4", **options})
    path.write_bytes(renamed(file.getvalue(), nclx))
    return str(path)


def deep_avif(path: Path, sample: tuple[float, ...], nclx: tuple[int, int], bits: int = 10) -> str:
    """An AVIF of more bits, of one colour from 0 to 1."""
    picture = (pyvips.Image.black(32, 32, bands=3) + [it * 65_535 for it in sample]).rint()
    picture = picture.cast("ushort").copy(interpretation="rgb16")
    data = picture.heifsave_buffer(compression="av1", bitdepth=bits, lossless=True)
    path.write_bytes(renamed(data, nclx))
    return str(path)


def renamed(data: bytes, nclx: tuple[int, int]) -> bytes:
    """A file with changed primaries and curve in its `nclx`."""
    at = data.index(b"colrnclx") + 8
    return data[:at] + struct.pack(">HH", *nclx) + data[at + 4 :]
