"""Named colour spaces without a profile are converted to sRGB by the formulas."""

from __future__ import annotations

import io
import itertools
import struct
from pathlib import Path
from typing import Any

import pillow_heif
import pytest
import pyvips
from PIL import Image

from imagesvc.imaging.analyse import analyse
from imagesvc.imaging.containers.colour_spaces import colour_space
from imagesvc.imaging.messages import AnalyseRequest
from imagesvc.model.formats import Format
from imagesvc.model.ids import Digest
from imagesvc.model.images import Original
from tests.breadth import represented
from tests.imaging.colours import (
    CASES,
    PLACES,
    Levels,
    avif,
    chrm,
    cicp,
    deep_avif,
    flat,
    gama,
    iccp,
    matrix,
    png,
    pq_of,
    renamed,
    shown,
    srgb,
)
from tests.imaging.pictures import (
    LIMITS,
    files,
    is_near,
    make,
    pixel,
    png_chunk,
    probe,
    save,
    seen,
    swapped_profile,
)

COLOURS: tuple[Levels, ...] = (
    (128, 200, 64),
    (200, 40, 40),
    (90, 90, 90),
    (255, 255, 255),
    (0, 0, 0),
)
SPACES = [
    *((12, 13), (12, 1), (9, 14), (4, 4), (11, 17), (1, 5), (1, 7), (9, 8), (1, 9), (12, 10)),
    *((9, 16), (12, 16), (1, 16), (9, 18), (12, 18)),
]
"""Primaries and curves, by their codes."""


def found(path: str, query: str = "") -> Levels:
    """The colour in the middle of a variant."""
    picture = seen(make(path, query)).convert("RGB")
    return pixel(picture, (picture.width // 2, picture.height // 2))


@pytest.mark.parametrize(
    ("primaries", "transfer"), represented(SPACES, (12, 13), (4, 4), (1, 9), (9, 16), (12, 18))
)
def test_cicp_of_png_is_applied(tmp_path: Path, primaries: int, transfer: int) -> None:
    """In 8 and in 16 bits, at full size and scaled down."""
    for colour in COLOURS:
        right = shown([it / 255 for it in colour], primaries, transfer)
        path = png(tmp_path / "a.png", colour, cicp(primaries, transfer))
        sixteen = tuple(257 * it for it in colour)
        deep = png(tmp_path / "b.png", sixteen, cicp(primaries, transfer), depth=16)

        for query in ("", "w=4", "rotate=90", "trim=1") if colour == COLOURS[0] else ("w=4",):
            assert is_near(found(path, query), right, 1), (colour, query)
            assert is_near(found(deep, query), right, 1), (colour, query)


@pytest.mark.parametrize(
    ("nclx", "span"),
    represented(
        itertools.product(
            [(12, 13), (9, 14), (9, 16), (9, 18), (1, 8), (1, 4)], ["full", "limited"]
        ),
        ((12, 13), "full"), ((9, 16), "limited"), ((9, 18), "full"), ((1, 8), "limited"),
    ),
)  # fmt: skip
def test_nclx_of_avif_is_applied(tmp_path: Path, nclx: tuple[int, int], span: str) -> None:
    """Full and limited range, which the decoder has stretched, are covered."""
    for colour in COLOURS[:3]:
        path = avif(tmp_path / "a.avif", flat(colour), nclx, range=span)
        samples = tuple(pyvips.Image.new_from_file(path).getpoint(9, 9))

        right = shown([it / 255 for it in samples], *nclx)

        assert is_near(samples, colour, 2)
        assert is_near(found(path), right, 1)
        assert is_near(found(path, "w=8"), right, 1)


@pytest.mark.parametrize(
    ("nclx", "bits"),
    represented(
        itertools.product([(12, 13), (9, 16), (9, 18), (1, 8)], [10, 12]),
        ((12, 13), 10), ((9, 16), 12), ((1, 8), 10),
    ),
)  # fmt: skip
def test_nclx_of_deep_avif_is_applied(tmp_path: Path, nclx: tuple[int, int], bits: int) -> None:
    """Ten and twelve bits have exact samples, so that scaling loses none of them."""
    for colour in ((0.5, 0.8, 0.25), (0.1, 0.12, 0.11), (0.02, 0.02, 0.02), (1.0, 1.0, 1.0)):
        path = deep_avif(tmp_path / "a.avif", colour, nclx, bits)
        stored = pyvips.Image.new_from_file(path).getpoint(9, 9)
        samples = [int(it) >> (16 - bits) for it in stored]

        right = shown([it / ((1 << bits) - 1) for it in samples], *nclx)

        for query in ("", "w=8", "w=8&h=4&fit=cover&gravity=smart"):
            assert is_near(found(path, query), right, 2), (colour, query)


@pytest.mark.parametrize(
    ("nclx", "bits"),
    represented(
        itertools.product([(12, 13), (9, 14), (9, 16), (9, 18)], [8, 10]),
        ((12, 13), 8), ((9, 16), 10), ((9, 18), 8),
    ),
)  # fmt: skip
def test_nclx_of_heic_is_applied(tmp_path: Path, nclx: tuple[int, int], bits: int) -> None:
    """HDR of ten bits is not reduced to eight before the conversion."""
    for colour in ((0.5, 0.8, 0.25), (0.1, 0.12, 0.11), (0.6, 0.6, 0.6)):
        path = tmp_path / "a.heic"
        mode, layout = ("RGB", "3B") if bits == 8 else ("RGB;16", "3H")
        most = 255 if bits == 8 else 65_535
        row = struct.pack(layout, *(round(it * most) for it in colour)) * 64
        heif = pillow_heif.from_bytes(mode, (64, 64), row * 64)
        heif.save(path, quality=100, chroma=444, full_range_flag=1, matrix_coefficients=6,
                  color_primaries=nclx[0], transfer_characteristics=nclx[1])  # fmt: skip

        right = shown(colour, *nclx)

        is_exact = bits > 8 and nclx[1] in {16, 18}
        assert is_near(found(str(path)), right, 2 if is_exact else 5), colour


def test_limited_range_of_gray_is_stretched(tmp_path: Path) -> None:
    """AVIF and HEIC in shades of gray have a black of 16 and a white of 235."""
    steps = (0, 64, 129, 194, 255)
    wide = Image.new("RGB", (160, 32))
    narrow = Image.new("L", (160, 32))
    for number, level in enumerate(steps):
        box = (32 * number, 0, 32 * number + 32, 32)
        wide.paste((level,) * 3, box)
        narrow.paste(round(16 + level * 219 / 255), box)
    options = {"range": "limited", "subsampling": "4:0:0"}
    paths = [avif(tmp_path / "a.avif", wide, (1, 13), **options), str(tmp_path / "b.heic")]
    heif = pillow_heif.from_bytes("L", narrow.size, narrow.tobytes())
    heif.save(paths[1], quality=100, color_primaries=1, transfer_characteristics=13,
              matrix_coefficients=6, full_range_flag=0)  # fmt: skip

    for path in paths:
        picture = seen(make(path, "")).convert("L")
        levels = [picture.getpixel((32 * number + 16, 16)) for number in range(5)]
        assert is_near(tuple(levels), steps, 3)


def test_full_range_of_gray_stays(tmp_path: Path) -> None:
    """A gray AVIF of full range is unchanged."""
    path = avif(tmp_path / "a.avif", flat((90, 90, 90)), (1, 13), subsampling="4:0:0")

    assert is_near(found(path), (90, 90, 90), 1)


def test_transparency_stays(tmp_path: Path) -> None:
    """Alpha is not light: it is unchanged, in RGB and gray, 8 bits and 16."""
    right = shown([it / 255 for it in COLOURS[0]], 12, 13)
    for depth, factor in ((8, 1), (16, 257)):
        sample = tuple(it * factor for it in (*COLOURS[0], 77))
        path = png(tmp_path / "a.png", sample, cicp(12, 13), depth=depth)
        gray = png(tmp_path / "b.png", (90 * factor, 77 * factor), gama(100_000), depth=depth)

        assert is_near(pixel(seen(make(path, "")).convert("RGBA"), (5, 5)), (*right, 77), 1)
        level = shown([90 / 255] * 3, 1, 8)
        assert is_near(pixel(seen(make(gray, "")).convert("RGBA"), (5, 5)), (*level, 77), 1)
        scaled = seen(make(gray, "w=8")).convert("RGBA")
        assert is_near(pixel(scaled, (5, 5)), (*level, 77), 3)  # premultiplied in between


def test_a_gray_picture_stays_gray_by_any_primaries(tmp_path: Path) -> None:
    """Its curve is applied, and it is stored in one band; HDR, too."""
    for transfer in (8, 16, 18):
        path = png(tmp_path / "a.png", (90,), cicp(9, transfer))
        picture = seen(make(path, ""))
        assert picture.mode == "L"
        assert is_near(found(path), shown([90 / 255] * 3, 9, transfer), 1)


def test_gamma_of_png_is_applied(tmp_path: Path) -> None:
    """The exponent is the inverse of gAMA; light is then encoded with the curve of sRGB."""
    for value in (100_000, 55_556, 35_714):
        right = srgb([(it / 255) ** (100_000 / value) for it in COLOURS[0]])
        path = png(tmp_path / "a.png", COLOURS[0], gama(value))
        assert is_near(found(path), right, 1), value


def test_gamma_of_a_palette_is_applied(tmp_path: Path) -> None:
    """The rule is that of any other PNG."""
    source = Image.new("P", (16, 16), 0)
    source.putpalette(COLOURS[0])
    plain = Path(save(tmp_path / "a.png", source)).read_bytes()
    path = tmp_path / "b.png"
    path.write_bytes(plain[:33] + png_chunk(*gama(100_000)) + plain[33:])

    assert is_near(found(str(path)), (188, 229, 137), 1)


def test_primaries_of_png_are_applied(tmp_path: Path) -> None:
    """Without gAMA they use the curve of sRGB, with gAMA its own."""
    light = [((it / 255 + 0.055) / 1.055) ** 2.4 for it in COLOURS[0]]
    path = png(tmp_path / "a.png", COLOURS[0], chrm(PLACES[12]))
    assert is_near(found(path), srgb(matrix(PLACES[12]) @ light), 1)

    light = [it / 255 for it in COLOURS[0]]
    path = png(tmp_path / "a.png", COLOURS[0], gama(100_000), chrm(PLACES[4]))
    assert is_near(found(path), srgb(matrix(PLACES[4]) @ light), 1)


@pytest.mark.parametrize(
    "chunks",
    [
        (gama(45_455),),
        (gama(45_455), chrm(PLACES[1])),
        (gama(45_000),),
        ((b"sRGB", b"\0"), gama(100_000), chrm(PLACES[12])),
        (cicp(1, 13),),
        (cicp(1, 1),),
        (cicp(1, 13), iccp(swapped_profile())),
        (gama(0),),
        (gama(4_000_000_000),),
        ((b"gAMA", b"\0\1"),),
        (chrm(((0.3, 0.3), (0.3, 0.3), (0.3, 0.3), (0.3, 0.3))),),
        ((b"cHRM", bytes(32)),),
        ((b"cHRM", b"\xff" * 32),),
        ((b"cICP", bytes((200, 200, 0, 1))),),
        ((b"cICP", bytes((2, 2, 0, 1))),),
        ((b"cICP", bytes((12, 13, 5, 1))),),
    ],
)
def test_srgb_and_invalid_chunks_change_no_pixel(
    tmp_path: Path, chunks: tuple[tuple[bytes, bytes], ...]
) -> None:
    """The gamma of sRGB, overridden chunks, and chunks without usable values are covered."""
    path = png(tmp_path / "a.png", COLOURS[0], *chunks)

    assert found(path) == COLOURS[0]
    assert found(path, "w=4") == COLOURS[0]


def test_the_order_of_chunks_is_that_of_the_specification(tmp_path: Path) -> None:
    """CICP has precedence over iCCP, that over sRGB, that over gAMA and cHRM."""
    everything = [
        (cicp(12, 13), shown([it / 255 for it in COLOURS[0]], 12, 13)),
        (iccp(swapped_profile()), COLOURS[0][::-1]),
        ((b"sRGB", b"\0"), COLOURS[0]),
        (gama(100_000), (188, 229, 137)),
    ]
    for first, (_, right) in enumerate(everything):
        for order in (1, -1):
            chunks = [chunk for chunk, _ in everything[first:]][::order]
            path = png(tmp_path / "a.png", COLOURS[0], *chunks)
            assert is_near(found(path), right, 2), (first, order)


def test_a_chunk_with_a_wrong_check_sum_is_ignored(tmp_path: Path) -> None:
    """Another valid chunk counts."""
    path = Path(png(tmp_path / "a.png", COLOURS[0], cicp(12, 13), gama(100_000)))
    data = bytearray(path.read_bytes())
    data[data.index(b"cICP") + 8] ^= 1
    path.write_bytes(data)

    assert is_near(found(str(path)), (188, 229, 137), 1)


def test_narrow_range_of_png_is_stretched(tmp_path: Path) -> None:
    """Samples of video are from 16 to 235 in each band; 16 bits are the same."""
    narrow = [16 + it * 219 / 255 for it in COLOURS[0]]
    path = png(tmp_path / "a.png", tuple(map(round, narrow)), cicp(1, 13, is_full=False))
    assert is_near(found(path), COLOURS[0], 1)

    sixteen = tuple(round(it * 256) for it in narrow)
    path = png(tmp_path / "b.png", sixteen, cicp(1, 13, is_full=False), depth=16)
    assert is_near(found(path), COLOURS[0], 1)


def test_a_profile_precedes_nclx(tmp_path: Path) -> None:
    """In AVIF and HEIC, with red and blue swapped, blue is red."""
    file = io.BytesIO()
    flat((200, 40, 40), 64).save(file, "AVIF", quality=100, icc_profile=swapped_profile())
    (tmp_path / "a.avif").write_bytes(renamed(file.getvalue(), (9, 16)))
    options: dict[str, Any] = {"color_primaries": 9, "transfer_characteristics": 16, "quality": 95}
    flat((200, 40, 40), 64).save(
        tmp_path / "b.heic", icc_profile=swapped_profile(), matrix_coefficients=6, **options
    )
    for name in ("a.avif", "b.heic"):
        assert is_near(found(str(tmp_path / name)), (40, 40, 200), 6), name


def test_reference_white_stays_bright_and_the_peak_is_white(tmp_path: Path) -> None:
    """Paper in PQ and HLG, 203 cd/m2, is not a middle gray; the peak of 1,000 is white."""
    for transfer, paper, peak in ((16, pq_of(203 / 10_000), pq_of(0.1)), (18, 0.75, 1.0)):
        levels = []
        for sample in (paper, peak):
            samples = (round(sample * 65_535),) * 3
            levels.append(found(png(tmp_path / "a.png", samples, cicp(9, transfer), depth=16))[0])
        assert 215 <= levels[0] <= 240
        assert levels[1] >= 254


def test_dark_values_of_hdr_are_not_tone_mapped(tmp_path: Path) -> None:
    """Light below the knee is unchanged: 50 cd/m2 are 50/203 of white."""
    sample = (round(pq_of(50 / 10_000) * 65_535),) * 3
    path = png(tmp_path / "a.png", sample, cicp(1, 16), depth=16)

    assert is_near(found(path), srgb([50 / 203] * 3), 1)


@pytest.mark.parametrize(
    ("chunk", "peak"),
    [
        ((b"cLLI", struct.pack(">II", 4_000 * 10_000, 0)), 4_000),
        ((b"cLLI", struct.pack(">II", 100 * 10_000, 0)), 203),
        ((b"mDCV", struct.pack(">8HII", *[0] * 8, 600 * 10_000, 1)), 600),
        ((b"cLLI", bytes(8)), 1_000),
        ((b"cLLI", b"\xff" * 8), 10_000),
    ],
)
def test_the_peak_of_a_file_is_used(
    tmp_path: Path, chunk: tuple[bytes, bytes], peak: float
) -> None:
    """The brightest pixel, or else the mastering display; a peak of white maps nothing."""
    for sample in (0.55, 0.7):
        samples = (round(sample * 65_535),) * 3
        path = png(tmp_path / "a.png", samples, cicp(9, 16), chunk, depth=16)
        assert is_near(found(path), shown([sample] * 3, 9, 16, peak), 1)


def test_the_peak_of_avif_is_used(tmp_path: Path) -> None:
    """`clli` is one of the properties of the picture."""
    path = Path(deep_avif(tmp_path / "a.avif", (0.7, 0.7, 0.7), (9, 16)))
    data = path.read_bytes()
    at = data.index(b"pixi")  # which decoders do without
    path.write_bytes(data[:at] + b"clli" + struct.pack(">HHI", 4_000, 400, 0) + data[at + 12 :])

    assert is_near(found(str(path)), shown([0.7] * 3, 9, 16, 4_000), 2)


def test_faults_in_the_boxes_never_raise(tmp_path: Path) -> None:
    """Every byte before the pixels of an AVIF is changed, and every truncation tried."""
    data = Path(avif(tmp_path / "a.avif", flat(COLOURS[0]), (12, 13))).read_bytes()
    end = data.index(b"mdat")
    for at in range(end):
        for value in (0, 0xFF, data[at] ^ 0x11):
            changed = data[:at] + bytes((value,)) + data[at + 1 :]
            colour_space(changed, Format.AVIF, has_profile=False)
        colour_space(data[:at], Format.AVIF, has_profile=False)


def test_many_entries_of_items_are_bounded() -> None:
    """A list of properties with four billion declared items ends with the file, or at a limit."""
    ipma = struct.pack(">4sII", b"ipma", 0, 0xFFFFFFFF) + bytes(3) * 300_000
    inner = struct.pack(">I", 4 + len(ipma)) + ipma
    iprp = struct.pack(">I4s", 8 + len(inner), b"iprp") + inner
    pitm = struct.pack(">I4sIH", 14, b"pitm", 0, 1)
    meta = struct.pack(">I4sI", 12 + len(pitm) + len(iprp), b"meta", 0) + pitm + iprp

    assert colour_space(meta, Format.AVIF, has_profile=False) is None


def test_a_joined_picture_has_the_colours_of_its_first_part() -> None:
    """The picture that joins tiles (`dimg`) names no colours itself."""
    nclx = struct.pack(">I4s4sHHHB", 19, b"colr", b"nclx", 12, 13, 6, 0x80)
    ipco = struct.pack(">I4s", 8 + len(nclx), b"ipco") + nclx
    ipma = struct.pack(">I4sIIHBB", 20, b"ipma", 0, 1, 7, 1, 1)
    iprp = struct.pack(">I4s", 8 + len(ipco) + len(ipma), b"iprp") + ipco + ipma
    dimg = struct.pack(">I4sHHH", 14, b"dimg", 1, 1, 7)
    iref = struct.pack(">I4sI", 12 + len(dimg), b"iref", 0) + dimg
    pitm = struct.pack(">I4sIH", 14, b"pitm", 0, 1)
    body = pitm + iprp + iref
    meta = struct.pack(">I4sI", 12 + len(body), b"meta", 0) + body

    found_space = colour_space(meta, Format.HEIC, has_profile=False)

    assert found_space is not None
    assert found_space.primaries[0][:2] == (0.68, 0.32)


def test_analysis_and_mezzanine_are_in_srgb(tmp_path: Path) -> None:
    """Palette, placeholder and reduced copy have the visible colours, not the stored ones."""
    right = shown([it / 255 for it in COLOURS[0]], 12, 13)
    path = png(tmp_path / "a.png", COLOURS[0], cicp(12, 13), size=1800)
    found_probe = probe(path, LIMITS)
    original = Original(
        Digest("0" * 64), Format.PNG, 1800, 1800, 1, has_alpha=False,
        decode_bytes=found_probe.decode_bytes,
    )  # fmt: skip

    made = analyse(files(path), AnalyseRequest(original, (), LIMITS, {}))

    dominant = tuple(bytes.fromhex(made.analysis.dominant_color[1:]))
    assert is_near(dominant, right, 2)
    assert made.mezzanine is not None
    assert is_near(pixel(Image.open(io.BytesIO(made.mezzanine)).convert("RGB"), (9, 9)), right, 3)


def test_conversion_is_part_of_the_predicted_time(tmp_path: Path) -> None:
    """Plain PNG costs the same as before; named colours and HDR cost more."""
    seconds = [
        probe(png(tmp_path / "a.png", COLOURS[0], *chunks, size=1000), LIMITS).decode_seconds
        for chunks in ((), (cicp(1, 13),), (cicp(12, 13),), (cicp(9, 18),))
    ]

    assert seconds[0] == seconds[1] < seconds[2] < seconds[3]


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("png_cicp_p3.png", (103, 202, 19)),
        ("png_gama_1.png", (188, 229, 137)),
        ("avif_nclx_p3.avif", None),
        ("avif_nclx_pq.avif", None),
        ("mono_limited.avif", None),
    ],
)
def test_reported_files(name: str, right: Levels | None) -> None:
    """Small files made from reports; for AVIF each pixel is compared with the formulas."""
    if not CASES.is_dir():
        pytest.skip(f"{CASES} is not here")
    path = str(CASES / name)
    if right is not None:
        assert is_near(found(path), right, 3)
        return
    codes = {"avif_nclx_p3.avif": (12, 13), "avif_nclx_pq.avif": (9, 16)}.get(name, (1, 13))
    plain = Image.open(path).convert("RGB")
    picture = seen(make(path, "")).convert("RGB")
    for at in [(x, y) for x in range(2, plain.width, 9) for y in range(2, plain.height, 9)]:
        samples = [it / 255 for it in pixel(plain, at)]
        assert is_near(pixel(picture, at), shown(samples, *codes), 3), at
