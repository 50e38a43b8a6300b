"""EXIF: the values that are kept, their form, and harmless handling of others."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from imagesvc.imaging.analysis.exif import Tags, facts, place
from imagesvc.imaging.containers.exif_block import read_tags
from tests.imaging.pictures import (
    LIMITS,
    probe,
    quadrants,
    save,
)

GPS = {1: "S", 2: (33.0, 51.0, 54.0), 3: "E", 4: (151.0, 12.0, 36.0), 5: b"\0", 6: 58.5}


def full_exif() -> Image.Exif:
    """EXIF as a camera writes it."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Maker\0", " Model\n7 "
    exif[0x8769] = {
        0x829A: IFDRational(1, 250),
        0x829D: 2.8,
        0x8827: 400,
        0x9003: "2024:05:06 07:08:09",
        0x9011: "+02:00",
        0x920A: IFDRational(50, 1),
        0x927C: b"maker note",
        0xA434: "50mm F1.8",
    }
    exif[0x8825] = GPS
    return exif


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "avif", "heic", "tif"])
def test_camera_data_is_kept_and_the_location_separate(tmp_path: Path, suffix: str) -> None:
    """Every container of EXIF works; the location is not in the public part."""
    found = probe(save(tmp_path / f"a.{suffix}", quadrants(), exif=full_exif().tobytes()), LIMITS)

    assert found.exif == {
        "make": "Maker",
        "model": "Model7",
        "lens": "50mm F1.8",
        "exposure_time": 0.004,
        "f_number": 2.8,
        "iso": 400,
        "focal_length": 50.0,
        "taken_at": "2024-05-06T07:08:09+02:00",
    }
    assert found.gps == {"latitude": -33.865, "longitude": 151.21, "altitude": 58.5}


@pytest.mark.parametrize(
    ("shot", "expected"),
    [
        ({0x9003: "2024:05:06 07:08:09"}, "2024-05-06T07:08:09"),
        ({0x9003: "2024:05:06 07:08:09\0", 0x9011: "-11:30\0"}, "2024-05-06T07:08:09-11:30"),
        ({0x9003: "2024:05:06 07:08:09", 0x9011: "+99:00"}, "2024-05-06T07:08:09"),
        ({0x9003: "0000:00:00 00:00:00", 0x9004: "2001:02:03 04:05:06"}, "2001-02-03T04:05:06"),
        ({0x9003: "2024:02:30 07:08:09"}, None),
        ({0x9003: "    :  :     :  :  "}, None),
        ({0x9003: "\uff12\uff10\uff12\uff14:05:06 07:08:09"}, None),
        ({0x9003: 5}, None),
    ],
)
def test_times_are_iso_8601(shot: dict[int, object], expected: str | None) -> None:
    """They have an offset if the camera stored it; invalid times are dropped."""
    assert facts(Tags(shot=shot)).get("taken_at") == expected


@pytest.mark.parametrize(
    "value",
    [
        IFDRational(0, 0),
        IFDRational(1, 0),
        math.nan,
        math.inf,
        -1.0,
        10**400,
        Fraction(10**400, 1),
        "50",
        b"50",
        (),
        ("a",),
        ((1, 2),),
        None,
        True,
        [1],
        {},
    ],
)
def test_invalid_numbers_are_dropped(value: object) -> None:
    """Division by zero, infinities, negatives and wrong types."""
    tags = (0x829A, 0x829D, 0x8827, 0x920A)

    assert {tag: facts(Tags(shot={tag: value})) for tag in tags} == {tag: {} for tag in tags}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("x" * 5000, "x" * 200),
        ("a\0b\x1b[31m\u202e\ud800c", "ab[31mc"),
        ("\0 \n", None),
        (b"bytes", None),
        (7, None),
    ],
)
def test_texts_are_short_and_printable(value: object, expected: str | None) -> None:
    """No control characters, no lone surrogates, no text as long as the file."""
    assert facts(Tags(camera={0x010F: value})).get("make") == expected


@pytest.mark.parametrize(
    "change",
    [
        {1: "X"},
        {1: ""},
        {1: None},
        {2: (91.0, 0.0, 0.0)},
        {2: (90.0, 1.0, 0.0)},
        {2: (33.0, 61.0, 0.0)},
        {2: (IFDRational(0, 0),) * 3},
        {2: (1.0, 2.0, 3.0, 4.0)},
        {2: ()},
        {2: 33.0},
        {4: (181.0, 0.0, 0.0)},
        {3: "N"},
        {4: None},
    ],
)
def test_no_half_or_impossible_places(change: dict[int, object]) -> None:
    """Both angles are in range, or there is no location."""
    assert place(Tags(place=GPS | change)) == {}


def test_altitude_is_signed_and_optional() -> None:
    """Below the sea it is negative; an impossible altitude is dropped and the location stays."""
    assert place(Tags(place=GPS | {5: b"\1"}))["altitude"] == -58.5
    assert place(Tags(place=GPS | {6: math.nan})) == {"latitude": -33.865, "longitude": 151.21}


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.binary()
    | st.builds(IFDRational, st.integers(-9, 9), st.integers(-9, 9)),
    lambda inner: st.lists(inner, max_size=4).map(tuple),
    max_leaves=5,
)
tags = st.sampled_from(
    [1, 2, 3, 4, 5, 6, 0x010F, 0x0110, 0x829A, 0x829D, 0x8827, 0x9003, 0x9011, 0x920A, 0xA434]
)
directories = st.dictionaries(tags, anything)


@given(directories)
def test_any_values_give_valid_facts(values: dict[int, Any]) -> None:
    """For all values that Pillow reads.

    No exception, and only values that JSON and databases can hold.
    """
    read = Tags(values, values, values)

    json.dumps([facts(read), place(read)], allow_nan=False, ensure_ascii=False).encode()


def test_damaged_exif_never_refuses_a_picture(tmp_path: Path) -> None:
    """Each byte of the EXIF is changed in turn."""
    raw = full_exif().tobytes()
    path = tmp_path / "a.jpg"

    for at in range(6, len(raw)):
        damaged = raw[:at] + bytes([raw[at] ^ 0xFF]) + raw[at + 1 :]
        found = probe(save(path, quadrants(8, 8), exif=damaged), LIMITS)
        json.dumps([found.exif, found.gps], allow_nan=False, ensure_ascii=False).encode()


_texts = st.text(st.characters(codec="latin-1", exclude_characters="\0"), max_size=30)
_rationals = st.builds(IFDRational, st.integers(0, 1 << 31), st.integers(0, 1 << 31))
_values = {
    0x829A: _rationals,
    0x829D: _rationals,
    0x8827: st.one_of(st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)),
    0x920A: _rationals,
    0x9003: st.one_of(_texts, st.just("2024:05:06 07:08:09")),
    0x9011: st.one_of(_texts, st.just("+02:00")),
    0xA434: _texts,
}
_angles = st.tuples(*[st.builds(IFDRational, st.integers(0, 90), st.integers(0, 3))] * 3)
_places = {
    1: st.sampled_from(("N", "S", "x", "")),
    2: _angles,
    3: st.sampled_from(("E", "W", "", "EAST")),
    4: _angles,
    5: st.sampled_from((b"\0", b"\1")),
    6: _rationals,
}


@given(
    st.fixed_dictionaries({}, optional={0x010F: _texts, 0x0110: _texts}),
    st.fixed_dictionaries({}, optional=_values),
    st.fixed_dictionaries({}, optional=_places),
)
def test_valid_exif_is_read_as_by_pillow(
    camera: dict[int, Any], shot: dict[int, Any], place_of: dict[int, Any]
) -> None:
    """All values give the same facts."""
    exif = Image.Exif()
    exif.update(camera)
    exif[0x8769], exif[0x8825] = shot, place_of
    block = exif.tobytes()
    by_pillow = Image.Exif()
    by_pillow.load(block)
    expected = Tags(dict(by_pillow), by_pillow.get_ifd(0x8769), by_pillow.get_ifd(0x8825))

    found = read_tags(block.removeprefix(b"Exif\0\0"))

    assert facts(found) == facts(expected)
    assert place(found) == place(expected)
