"""CMYK and table profiles give the colours of littleCMS: black is black."""

from __future__ import annotations

import io
import itertools
import json
import struct
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageCms

from imagesvc.imaging.analyse import analyse
from imagesvc.imaging.codecs import vips
from imagesvc.imaging.codecs.raster import raster
from imagesvc.imaging.colour.conversion import NOTE, is_plain_srgb, to_srgb
from imagesvc.imaging.containers.cicp import ColourSpace, Curve
from imagesvc.imaging.messages import AnalyseRequest
from imagesvc.imaging.transforms.effective import effective
from imagesvc.imaging.transforms.transform import parse_text
from imagesvc.model.formats import Format
from imagesvc.model.ids import Digest
from imagesvc.model.images import Original
from tests.breadth import represented
from tests.imaging.colours import CASES, VALID, Levels, iccp, png, srgb
from tests.imaging.pictures import (
    LIMITS,
    QUALITY,
    files,
    is_near,
    make,
    original,
    pixel,
    probe,
    save,
    seen,
    swapped_profile,
    table_profile,
)
from tests.imaging.test_effects import profile as matrix_profile

PERCEPTUAL = ImageCms.Intent.PERCEPTUAL
BLACK_POINT = ImageCms.Flags.BLACKPOINTCOMPENSATION
INKS: tuple[Levels, ...] = (
    (0, 0, 0, 255), (255, 255, 255, 255), (0, 0, 0, 0), (255, 0, 0, 0), (0, 255, 0, 0),
    (0, 0, 255, 0), (255, 255, 0, 0), (0, 0, 0, 128), (128, 96, 96, 0), (191, 173, 173, 230),
)  # fmt: skip
STEP = 16
SRGB_COLORANTS = ((0.4361, 0.3851, 0.1431), (0.2225, 0.7169, 0.0606), (0.0139, 0.0971, 0.7141))
"""Relative to the white of profiles, D50 (ICC.1:2022, annex E)."""


def inks() -> Image.Image:
    """A square of each of `INKS`, side by side."""
    picture = Image.new("CMYK", (STEP * len(INKS), STEP))
    for number, ink in enumerate(INKS):
        picture.paste(ink, (number * STEP, 0, (number + 1) * STEP, STEP))
    return picture


def of_vips(name: str) -> bytes:
    """A profile from libvips."""
    return bytes(pyvips.Operation.call("profile_load", name))


def by_lcms(
    picture: Image.Image, profile: bytes, intent: ImageCms.Intent, flags: int = 0
) -> Image.Image:
    """A picture in sRGB, by littleCMS in one step."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    shown = ImageCms.profileToProfile(
        picture, source, ImageCms.createProfile("sRGB"), intent, "RGB", flags=ImageCms.Flags(flags)
    )
    assert shown is not None
    return shown


def middles(picture: Image.Image) -> list[Levels]:
    """The colour in the middle of each square of a row."""
    picture = picture.convert("RGB")
    height = picture.height
    return [
        pixel(picture, (at + height // 2, height // 2)) for at in range(0, picture.width, height)
    ]


@pytest.mark.parametrize(
    ("suffix", "embedded", "query"),
    represented(
        itertools.product(
            ("jpg", "tif"), (False, True),
            ("", "w=80", "crop=0,0,160,16", "rotate=180&flip=h&w=80"),
        ),
        ("jpg", False, ""), ("jpg", True, "w=80"), ("tif", False, "rotate=180&flip=h&w=80"),
        ("tif", True, "crop=0,0,160,16"),
    ),
)  # fmt: skip
def test_cmyk_is_shown_by_the_perceptual_intent(
    tmp_path: Path, suffix: str, query: str, *, embedded: bool
) -> None:
    """It uses the file's profile, or that of libvips, for every way of reading pixels."""
    profile = of_vips("cmyk")
    options: dict[str, Any] = {"quality": 100, "subsampling": 0} if suffix == "jpg" else {}
    if embedded:
        options["icc_profile"] = profile
    path = save(tmp_path / f"a.{suffix}", inks(), **options)
    picture = seen(make(path, query))
    if "rotate" in query:
        picture = picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM)

    right = middles(by_lcms(inks(), profile, PERCEPTUAL))

    assert is_near(tuple(middles(picture)), tuple(right), 3)
    assert max(middles(picture)[0]) <= 23  # of black ink alone
    assert max(middles(picture)[1]) <= 3


@pytest.mark.parametrize("marker", ["adobe", "none", "ycck"])
def test_cmyk_of_jpeg_is_inverted(tmp_path: Path, marker: str) -> None:
    """Adobe's marker, its absence, and YCCK: black ink is dark, paper is white."""
    picture = inks().crop((0, 0, 3 * STEP, STEP))
    path = Path(save(tmp_path / "a.jpg", picture, quality=100, subsampling=0))
    data = path.read_bytes()
    at = data.index(b"\xff\xee")
    if marker == "none":
        path.write_bytes(data[:at] + data[at + 16 :])
    if marker == "ycck":  # Y is the inverse of gray ink; Pillow inverts once more
        gray = [it for ink in INKS[:3] for it in ((255 - ink[0], 127, 127, ink[3]),) * STEP]
        packed = Image.new("CMYK", (3 * STEP, STEP))
        packed.putdata(gray * STEP)
        data = Path(save(tmp_path / "b.jpg", packed, quality=100, subsampling=0)).read_bytes()
        at = data.index(b"\xff\xee") + 15
        path.write_bytes(data[:at] + b"\2" + data[at + 1 :])

    black, all_inks, paper = middles(seen(make(str(path), "")))

    assert max(black) <= 23
    assert max(all_inks) <= 5
    assert min(paper) >= 250


def test_cmyk_variants_of_an_upload_agree(tmp_path: Path) -> None:
    """The mezzanine, its variants, and shrinking decoders give the same colours."""
    large = inks().resize((3200, 1600), Image.Resampling.NEAREST)
    path = save(tmp_path / "a.jpg", large, quality=95)
    found = probe(path, LIMITS)
    source = Original(Digest("0" * 64), Format.JPEG, 3200, 1600, 1, has_alpha=False,
                      decode_bytes=found.decode_bytes)  # fmt: skip
    wanted = [effective(parse_text(text), original(), QUALITY) for text in
              ("w=320&format=png", "w=320&format=png&exact=1", "w=1600&format=png")]  # fmt: skip
    right = [
        pixel(by_lcms(inks(), of_vips("cmyk"), PERCEPTUAL), (at, 5)) for at in range(8, 160, 16)
    ]

    reduced = frozenset(wanted[:1])
    asked = AnalyseRequest(source, tuple(wanted), LIMITS, reduced=reduced)
    made = analyse(files(path), asked)

    assert made.mezzanine is not None
    pictures = [Image.open(io.BytesIO(made.mezzanine)).convert("RGB")]
    pictures += [seen(it).convert("RGB") for it in made.outcomes]  # type: ignore[arg-type]
    for picture in pictures:
        part = picture.width / len(INKS)
        levels = [
            pixel(picture, (round((it + 0.5) * part), picture.height // 2)) for it in range(10)
        ]
        assert is_near(tuple(levels), tuple(right), 4)


def test_a_broken_profile_of_cmyk_is_ignored(tmp_path: Path) -> None:
    """It is shown like CMYK without a profile, not washed out."""
    path = save(tmp_path / "a.jpg", inks(), quality=100, subsampling=0, icc_profile=b"garbage" * 50)

    right = middles(by_lcms(inks(), of_vips("cmyk"), PERCEPTUAL))

    assert is_near(tuple(middles(seen(make(path, "")))), tuple(right), 3)


@pytest.mark.parametrize(
    ("suffix", "query"),
    represented(
        itertools.product(("png", "jpg", "tif", "webp"), ("", "w=80")),
        ("png", ""), ("jpg", "w=80"), ("webp", ""),
    ),
)  # fmt: skip
def test_black_of_a_table_is_black(tmp_path: Path, suffix: str, query: str) -> None:
    """A profile whose darkest colour has an L* of 20 does not turn black into gray."""
    profile, levels = table_profile(20.0), (0, 64, 128, 192, 255)
    source = Image.new("RGB", (160, 32))
    for number, level in enumerate(levels):
        source.paste((level,) * 3, (32 * number, 0, 32 * number + 32, 32))
    options = {"quality": 100} if suffix in {"jpg", "webp"} else {}
    path = save(tmp_path / f"a.{suffix}", source, icc_profile=profile, **options)

    found = middles(seen(make(path, query)))

    right = middles(by_lcms(source, profile, PERCEPTUAL, BLACK_POINT))
    assert is_near(tuple(found), tuple(right), 3)
    assert max(found[0]) <= 2
    assert min(found[-1]) >= 253


def test_black_of_a_gray_table_is_black(tmp_path: Path) -> None:
    """Gray pictures also have such profiles."""
    path = save(
        tmp_path / "a.png", Image.new("L", (8, 8), 0), icc_profile=table_profile(20.0, b"GRAY")
    )

    assert max(pixel(seen(make(path, "")).convert("RGB"), (2, 2))) <= 2


@pytest.mark.parametrize("count", [0, 1, 0xFFFFFFFF])
def test_a_profile_whose_list_is_cut_off_is_ignored(tmp_path: Path, count: int) -> None:
    """It declares missing entries, or is shorter than a header."""
    for whole in (table_profile(20.0), table_profile(20.0)[:140], b"ab"):
        profile = whole[:128] + struct.pack(">I", count) + whole[132:]
        path = save(tmp_path / "a.png", Image.new("RGB", (8, 8), (9, 90, 200)), icc_profile=profile)
        assert seen(make(path, "")).size == (8, 8)


def test_both_decoders_of_jpeg_agree(tmp_path: Path) -> None:
    """Pillow decodes small ones, libvips the others: the same profile gives the same colours."""
    profile = table_profile(20.0)
    small = Image.linear_gradient("L").resize((64, 48)).convert("RGB")
    large = small.resize((2560, 1920), Image.Resampling.NEAREST)
    found = []
    for name, picture in (("a.jpg", small), ("b.jpg", large)):
        path = save(tmp_path / name, picture, icc_profile=profile, quality=100, subsampling=0)
        shown = np.asarray(seen(make(path, "")).convert("L")).astype(int)
        step = picture.width // 64
        found.append(shown[step // 2 :: step, step // 2 :: step])

    assert np.abs(found[0] - found[1]).max() <= 2
    assert found[0].min() <= 8


def test_a_profile_of_xyb_keeps_its_shadows() -> None:
    """A JPEG of libjxl in XYB looks like its source, also in the shadows."""
    if not VALID.is_dir():
        pytest.skip(f"{VALID} is not here")
    plain, coded = (
        np.asarray(seen(make(str(VALID / name), "")).convert("RGB")).astype(int)
        for name in ("libvips_sample.jpg", "libvips_sample-xyb.jpg")
    )

    assert abs(plain.mean((0, 1)) - coded.mean((0, 1))).max() < 0.5
    assert abs(np.percentile(plain, 1) - np.percentile(coded, 1)) <= 2


@pytest.mark.parametrize(
    "name",
    [
        "jpeg_cmyk_adobe.jpg",
        "sharp_Channel_digital_image_CMYK_color.jpg",
        "thumbor_cmyk.jpg",
        "tiff_cmyk.tif",
    ],
)
def test_cmyk_files_of_other_projects(name: str) -> None:
    """The result is that of littleCMS with perceptual intent, which sharp uses."""
    if not VALID.is_dir():
        pytest.skip(f"{VALID} is not here")
    path = str(VALID / name)
    source = Image.open(path)
    right = by_lcms(source, source.info.get("icc_profile") or of_vips("cmyk"), PERCEPTUAL)

    found = seen(make(path, "")).convert("RGB")

    assert np.abs(np.asarray(found).astype(int) - np.asarray(right)).max() <= 2


def test_black_ink_of_the_reported_file() -> None:
    """Black ink alone, without a profile."""
    if not CASES.is_dir():
        pytest.skip(f"{CASES} is not here")
    found = pixel(seen(make(str(CASES / "cmyk_k100.jpg"), "")).convert("RGB"), (9, 9))

    assert is_near(found, (20, 5, 0), 3)


def test_deep_samples_keep_their_bits_until_the_profile_is_applied(tmp_path: Path) -> None:
    """Eight bits are too few for the shadows of linear light, scaled down or not."""
    linear = matrix_profile(SRGB_COLORANTS, 1.0)
    for light in (0.001, 0.002, 0.01, 0.5):
        sample = (round(light * 65_535),) * 3
        path = png(tmp_path / "a.png", sample, iccp(linear), depth=16)
        for query in ("", "w=8", "w=8&h=4&fit=cover&gravity=entropy"):
            found = pixel(seen(make(path, query)).convert("RGB"), (2, 2))
            assert is_near(found, srgb([light] * 3), 1), (light, query)


def jp2(path: Path, picture: Image.Image, *colours: bytes) -> str:
    """A JPEG 2000 with other contents of its `colr` boxes."""
    file = io.BytesIO()
    picture.save(file, "JPEG2000", irreversible=False)
    data = file.getvalue()
    header, old = data.index(b"jp2h") - 4, data.index(b"colr") - 4
    end = old + int.from_bytes(data[old : old + 4], "big")
    new = b"".join(struct.pack(">I4s", 8 + len(it), b"colr") + it for it in colours)
    size = int.from_bytes(data[header : header + 4], "big") - (end - old) + len(new)
    sized = data[:header] + struct.pack(">I", size) + data[header + 4 : old]
    path.write_bytes(sized + new + data[end:])
    return str(path)


def test_the_profile_of_jpeg_2000_is_applied(tmp_path: Path) -> None:
    """Both methods that contain one are supported, if the box is the first.

    Red and blue are swapped.
    """
    source, profile = Image.new("RGB", (32, 32), (255, 0, 0)), swapped_profile()
    named, nothing = b"\1\0\0\0\0\0\x10", b"\2"
    cases: list[tuple[tuple[bytes, ...], Levels]] = [
        ((b"\2\0\0" + profile,), (0, 0, 255)),
        ((b"\3\0\0" + profile, named), (0, 0, 255)),
        ((named, b"\2\0\0" + profile), (255, 0, 0)),
        ((b"\2\0\0" + b"garbage" * 50,), (255, 0, 0)),
        ((nothing, named), (255, 0, 0)),
    ]
    for colours, right in cases:
        path = jp2(tmp_path / "a.jp2", source, *colours)
        for query in ("", "w=8"):
            assert is_near(pixel(seen(make(path, query)).convert("RGB"), (3, 3)), right, 3)


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_the_conversion_of_cmyk_is_part_of_the_predicted_time(tmp_path: Path, suffix: str) -> None:
    """A megapixel takes longer to convert than to decode."""
    seconds = [
        probe(save(tmp_path / f"{mode}.{suffix}", Image.new(mode, (1000, 1000))), LIMITS)
        for mode in ("RGB", "CMYK")
    ]

    assert (seconds[1].decode_seconds or 0) > (seconds[0].decode_seconds or 0) + 0.03


@pytest.mark.parametrize("profile", ["none", "sRGB", "swapped", "broken"])
@pytest.mark.parametrize(
    ("mode", "is_named"),
    [(mode, False) for mode in ("L", "LA", "RGB", "RGBA", "CMYK", "I;16")] + [("RGB", True)],
)
def test_what_is_plain_is_not_converted(mode: str, profile: str, *, is_named: bool) -> None:
    """And what is not plain, is converted."""
    picture = vips.from_raster(raster(Image.new(mode, (4, 3))))
    profiles = {"sRGB": of_vips("srgb"), "swapped": swapped_profile(), "broken": bytes(200)}
    if profile in profiles:
        picture.set_type(pyvips.GValue.blob_type, "icc-profile-data", profiles[profile])
    if is_named:
        picture = vips.noted(picture, NOTE, json.dumps(asdict(ColourSpace(curve=Curve.HLG))))

    is_plain = is_plain_srgb(picture)

    assert is_plain == (to_srgb(picture) is picture)
    if is_named or mode in {"CMYK", "I;16"} or profile in {"swapped", "broken"}:
        assert not is_plain
    elif profile == "none":
        assert is_plain
