"""The grammar: text to canonical transforms and back."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields, replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagesvc.errors import InvalidTransform
from imagesvc.imaging.transforms.effective import effective, with_format
from imagesvc.imaging.transforms.keys import FITS, FLIPS, GRAVITIES, KEYS, OUTPUT_FORMATS
from imagesvc.imaging.transforms.normal import normal
from imagesvc.imaging.transforms.transform import (
    canonical,
    parse,
    parse_preset,
    parse_text,
    variant_key,
)
from imagesvc.model.formats import Format
from imagesvc.model.ids import Digest
from imagesvc.model.transforms import Transform, Watermark
from tests.imaging.pictures import QUALITY, original

DIGEST = Digest("ab" * 32)

factors = st.decimals(0, 3, places=3).map(lambda factor: f"{factor:f}")
texts = {
    "w": st.integers(1, 1638).map(str),
    "h": st.integers(1, 1638).map(str),
    "dpr": st.decimals(min_value="0.1", max_value=5, places=3).map(str),
    "crop": st.one_of(
        st.tuples(*[st.integers(0, 9999)] * 2, *[st.integers(1, 9999)] * 2).map(
            lambda region: ",".join(map(str, region))
        ),
        st.tuples(*[st.decimals(0, 1, places=7)] * 4)
        .filter(lambda region: max(region[:2]) < 0.99 and min(region[2:]) > 0.01)
        .map(lambda region: ",".join(map("{:f}".format, region))),
    ),
    "trim": st.integers(1, 255).map(str),
    "fit": st.sampled_from(FITS),
    "gravity": st.one_of(
        st.sampled_from(GRAVITIES),
        st.tuples(*[st.decimals(0, 1, places=5)] * 2).map(lambda at: f"fp:{at[0]:f},{at[1]:f}"),
    ),
    "enlarge": st.sampled_from("01"),
    "rotate": st.one_of(
        st.sampled_from(["0", "90", "180", "270", "360"]),
        st.decimals(0, 360, places=3).map(lambda degrees: f"{degrees:f}"),
    ),
    "flip": st.sampled_from(sorted(FLIPS)),
    "blur": st.decimals(min_value="0.3", max_value=250, places=3).map(str),
    "sharpen": st.decimals(min_value="0.3", max_value=10, places=3).map(str),
    "brightness": factors,
    "contrast": factors,
    "saturation": factors,
    "gray": st.sampled_from("01"),
    "bg": st.from_regex("[0-9a-fA-F]{6}([0-9a-fA-F]{2})?", fullmatch=True),
    "radius": st.one_of(st.just("max"), st.integers(0, 8192).map(str)),
    "wm": st.sampled_from(["logo", "logo:0123456789abcdef"]),
    "frame": st.integers(0, 999).map(str),
    "format": st.sampled_from(["auto", *sorted(OUTPUT_FORMATS)]),
    "q": st.integers(1, 100).map(str),
    "lossless": st.sampled_from("01"),
    "max_bytes": st.integers(1, 1_000_000_000).map(str),
    "exact": st.sampled_from("01"),
}
queries = st.fixed_dictionaries({}, optional=texts)


def test_the_properties_are_tried_with_every_key() -> None:
    """A new key needs a new row of `texts`."""
    assert set(texts) == set(KEYS)


@given(queries)
def test_the_canonical_text_means_the_same_transform(query: dict[str, str]) -> None:
    """Text, transform, text, transform: no value is lost, and the second text equals the first."""
    transform = parse(query.items())

    text = canonical(transform)

    assert parse_text(text) == transform
    assert canonical(parse_text(text)) == text


@given(queries, st.randoms(use_true_random=False))
def test_the_order_of_keys_does_not_matter(query: dict[str, str], random: Random) -> None:
    """All orders of a URL share one variant."""
    pairs = list(query.items())
    random.shuffle(pairs)

    assert canonical(parse(pairs)) == canonical(parse(query.items()))


def test_the_grammar_has_a_row_for_each_field() -> None:
    """Text can set every field of a transform."""
    assert {*KEYS, "auto"} == {field.name for field in fields(Transform)}


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("rotate=0", ""),
        ("enlarge=0", ""),
        ("gray=0", ""),
        ("fit=inside", ""),
        ("gravity=center&w=9&h=9&fit=cover", "w=9&h=9&fit=cover"),
        ("flip=vh", "flip=hv"),
        ("flip=hv", "rotate=180"),
        ("flip=hv&rotate=180", ""),
        ("flip=h&rotate=180", "flip=v"),
        ("flip=v&rotate=270", "flip=h&rotate=90"),
        ("blur=10", "blur=10.0"),
        ("blur=10", "blur=010.00"),
        ("blur=1.004", "blur=1"),
        ("w=256", "w=0256"),
        ("w=256&fit=cover&gravity=north", "w=256"),
        ("w=9&h=9&gravity=north", "w=9&h=9"),
        ("w=9&h=9&fit=fill&gravity=north", "w=9&h=9&fit=fill"),
        ("gray=1&enlarge=1", "gray=1"),
        ("format=jpg", "format=jpeg"),
        ("format=png&q=7", "format=png"),
        ("h=256&w=256", "w=256&h=256"),
        ("w=%32", "w=2"),
        ("w=100&h=50&dpr=2", "w=200&h=100"),
        ("w=101&dpr=0.5", "w=51"),  # 50.5 is rounded up
        ("w=1&dpr=0.1", "w=1"),
        ("w=5&dpr=1", "w=5"),
        ("dpr=2", ""),
        ("dpr=2&gray=1", "gray=1"),
        ("crop=0.0,0,1,1", ""),
        ("crop=0.0,0,0.5,1", "crop=0,0,0.5,1"),
        ("crop=0.5,0,1,1.0", "crop=0.5,0,0.5,1"),
        ("crop=0.25,0.25,0.50,0.5000001", "crop=0.25,0.25,0.5,0.5"),
        ("crop=05,5,5,5", "crop=5,5,5,5"),
        ("rotate=360", ""),
        ("rotate=360.00", ""),
        ("rotate=90.00", "rotate=90"),
        ("rotate=45.004", "rotate=45"),
        ("rotate=200.5&flip=hv", "rotate=20.5"),
        ("rotate=200.5&flip=h", "rotate=20.5&flip=v"),
        ("brightness=1&contrast=1.0&saturation=1.001", ""),
        ("gray=1&saturation=2", "gray=1"),
        ("radius=0", ""),
        ("bg=FF8000", "bg=ff8000"),
        ("bg=ff8000ff", "bg=FF8000"),
        ("bg=ff800000", ""),
        ("w=9&h=9&fit=cover&gravity=fp:0.5,0.5", "w=9&h=9&fit=cover"),
        ("w=9&h=9&fit=cover&gravity=fp:1,0.0", "w=9&h=9&fit=cover&gravity=northeast"),
        ("w=9&h=9&fit=pad&gravity=fp:0,.5".replace(",.", ",0."), "w=9&h=9&fit=pad&gravity=west"),
        ("w=9&h=9&fit=pad&gravity=smart", "w=9&h=9&fit=pad"),
        ("w=9&gravity=smart", "w=9"),
        ("lossless=0&exact=0", ""),
        ("format=png&lossless=1", "format=png"),
        ("format=jpeg&lossless=1", "format=jpeg"),
        ("format=gif&max_bytes=5", "format=gif"),
        ("format=webp&lossless=1&q=5&max_bytes=9", "format=webp&lossless=1"),
    ],
)
def test_texts_that_mean_the_same_are_equal(left: str, right: str) -> None:
    """Equal pixels have one name, so they are made and stored once."""
    assert parse_text(left) == parse_text(right)
    assert canonical(parse_text(left)) == canonical(parse_text(right))


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("", ""),
        ("h=256&w=256", "h=256&w=256"),
        ("fit=cover&gravity=north&h=1&w=8192", "fit=cover&gravity=north&h=1&w=8192"),
        ("blur=2.50", "blur=2.5"),
        ("blur=0.3", "blur=0.3"),
        ("gray=1&w=5&enlarge=1&flip=v", "enlarge=1&flip=v&gray=1&w=5"),
        ("q=60&format=jpg", "format=jpeg&q=60"),
        ("w=5&format=auto&bg=000000", "bg=000000&format=auto&w=5"),
        ("crop=0.1,0.000001,0.5,1&rotate=7.50", "crop=0.1,0.000001,0.5,0.999999&rotate=7.5"),
        (
            "w=9&h=9&fit=cover&gravity=fp:0.1,0.12346",
            "fit=cover&gravity=fp:0.1,0.1235&h=9&w=9",
        ),
        ("max_bytes=1000000&exact=1", "exact=1&max_bytes=1000000"),
    ],
)
def test_the_canonical_text_is_sorted_and_drops_defaults(query: str, text: str) -> None:
    """It is the documented form for rows, ETags and URLs."""
    assert canonical(parse_text(query)) == text


@pytest.mark.parametrize(
    ("query", "key", "says"),
    [
        ("w=0", "w", "from 1 to 8192"),
        ("w=8193", "w", "from 1 to 8192"),
        ("w=", "w", "from 1 to 8192"),
        ("w=-5", "w", "from 1 to 8192"),
        ("w=%2B5", "w", "from 1 to 8192"),
        ("w=5.0", "w", "from 1 to 8192"),
        ("w=1e3", "w", "from 1 to 8192"),
        ("w=%205", "w", "from 1 to 8192"),
        ("w=5%0A", "w", "from 1 to 8192"),
        ("w=5%00", "w", "from 1 to 8192"),
        ("w=1_0", "w", "from 1 to 8192"),
        ("w=%D9%A5", "w", "from 1 to 8192"),  # ARABIC-INDIC DIGIT FIVE
        ("w=" + "1" * 5000, "w", "from 1 to 8192"),
        ("h=0x10", "h", "from 1 to 8192"),
        ("fit=contain", "fit", "inside, cover, fill, pad"),
        ("fit=Cover", "fit", "inside, cover, fill, pad"),
        ("gravity=up", "gravity", "northwest"),
        ("enlarge=true", "enlarge", "1, 0"),
        ("rotate=-90", "rotate", "from 0 to 360"),
        ("rotate=360.1", "rotate", "from 0 to 360"),
        ("rotate=nan", "rotate", "from 0 to 360"),
        ("dpr=0.09", "dpr", "from 0.1 to 5"),
        ("dpr=5.01", "dpr", "from 0.1 to 5"),
        ("dpr=2x", "dpr", "from 0.1 to 5"),
        ("w=5000&dpr=2", "dpr", "10000 pixels; it may have 8192"),
        ("h=8192&w=1&dpr=1.01", "dpr", "8274 pixels; it may have 8192"),
        ("crop=", "crop", "four whole numbers"),
        ("crop=1,2,3", "crop", "four whole numbers"),
        ("crop=1,2,3,4,5", "crop", "four whole numbers"),
        ("crop=-1,2,3,4", "crop", "four whole numbers"),
        ("crop=1,2,0,4", "crop", "four whole numbers"),
        ("crop=0.5,0.5,100,100", "crop", "fractions"),
        ("crop=0.5,0.5,1.5,0.5", "crop", "fractions"),
        ("crop=1.0,0,0.5,0.5", "crop", "fractions"),
        ("crop=0,0,0.0000001,1", "crop", "fractions"),
        ("crop=0,0,%D9%A5,1", "crop", "four whole numbers"),
        ("trim=0", "trim", "from 1 to 255"),
        ("trim=256", "trim", "from 1 to 255"),
        ("gravity=fp:0.5", "gravity", "fp:X,Y"),
        ("gravity=fp:1.1,0", "gravity", "fp:X,Y"),
        ("gravity=fp:-1,0", "gravity", "fp:X,Y"),
        ("gravity=fp:nan,0", "gravity", "fp:X,Y"),
        ("brightness=3.01", "brightness", "from 0 to 3"),
        ("contrast=-1", "contrast", "from 0 to 3"),
        ("saturation=inf", "saturation", "from 0 to 3"),
        ("sharpen=0.2", "sharpen", "from 0.3 to 10"),
        ("sharpen=10.1", "sharpen", "from 0.3 to 10"),
        ("bg=red", "bg", "RRGGBB"),
        ("bg=%23ff0000", "bg", "RRGGBB"),
        ("bg=fff", "bg", "RRGGBB"),
        ("bg=ff00000", "bg", "RRGGBB"),
        ("radius=8193", "radius", "or max"),
        ("radius=Max", "radius", "or max"),
        ("wm=", "wm", "name of a watermark"),
        ("wm=../logo", "wm", "name of a watermark"),
        ("frame=-1", "frame", "from 0"),
        ("lossless=2", "lossless", "1, 0"),
        ("max_bytes=0", "max_bytes", "from 1 to"),
        ("max_bytes=1k", "max_bytes", "from 1 to"),
        ("exact=yes", "exact", "1, 0"),
        ("flip=x", "flip", "h, v, hv"),
        ("flip=", "flip", "h, v, hv"),
        ("blur=0.29", "blur", "from 0.3 to 250"),
        ("blur=0", "blur", "from 0.3 to 250"),
        ("blur=250.001", "blur", "from 0.3 to 250"),
        ("blur=nan", "blur", "from 0.3 to 250"),
        ("blur=inf", "blur", "from 0.3 to 250"),
        ("blur=1e2", "blur", "from 0.3 to 250"),
        ("blur=.5", "blur", "from 0.3 to 250"),
        ("blur=5.", "blur", "from 0.3 to 250"),
        ("gray=yes", "gray", "1, 0"),
        ("format=tiff", "format", "auto, jpeg, jpg, png, webp, avif, gif"),
        ("format=auto%00", "format", "jpeg, jpg, png, webp, avif, gif"),
        ("q=0", "q", "from 1 to 100"),
        ("q=101", "q", "from 1 to 100"),
        ("width=5", "width", "the keys are w, h, dpr, fit"),
        ("W=5", "W", "the keys are w, h, dpr, fit"),
        ("w=5&w=5", "w", "more than once"),
        ("preset=thumbnail", "preset", "none here"),
        ("w", "transform", "query string"),
        ("w=5;h=5", "w", "from 1 to 8192"),
        ("w=%FF", "transform", "query string"),
        ("&".join(f"k{n}=1" for n in range(65)), "transform", "query string"),
    ],
)
def test_unknown_keys_and_values_are_refused_by_name(query: str, key: str, says: str) -> None:
    """The error names the key and the allowed values, so that a caller can correct the URL."""
    with pytest.raises(InvalidTransform) as caught:
        parse_text(query)

    assert [name for name, _ in caught.value.fields] == [key]
    assert says in caught.value.fields[0][1]
    assert says in caught.value.detail


def test_all_errors_are_named_together() -> None:
    """A caller with two mistakes needs one request, not two."""
    with pytest.raises(InvalidTransform) as caught:
        parse_text("w=0&h=5&q=0&nope=1")

    assert [key for key, _ in caught.value.fields] == ["w", "q", "nope"]


def test_hostile_text_is_echoed_short_and_printable() -> None:
    """An error goes to logs and terminals: no control characters, no kilobytes."""
    with pytest.raises(InvalidTransform) as caught:
        parse([("\x1b[31m" + "k" * 5000, "\n" * 5000), ("w", "\u202e" * 5000)])

    whole = caught.value.detail + str(caught.value.fields)
    assert len(whole) < 1500
    assert whole.isascii()
    assert whole.isprintable()


def test_a_preset_is_overridden_by_other_keys() -> None:
    """`preset=thumbnail&w=100` is the thumbnail with another width.

    The order makes no difference.
    """
    presets = {"thumbnail": parse_text("w=256&h=256&gray=1")}

    overridden = parse_text("w=100&preset=thumbnail&gray=0", presets)

    assert overridden == parse_text("w=100&h=256")


def test_an_unknown_preset_is_refused_with_the_known_ones() -> None:
    """The names of presets are public: URLs contain them."""
    with pytest.raises(InvalidTransform, match="thumbnail"):
        parse_text("preset=thumbnial", {"thumbnail": Transform(w=1)})


@pytest.mark.parametrize(
    ("query", "kind", "has_alpha", "text"),
    [
        ("w=5", Format.JPEG, False, "format=jpeg&q=80&w=5"),
        ("w=5", Format.PNG, False, "format=png&w=5"),
        ("w=5", Format.WEBP, True, "format=webp&q=79&w=5"),
        ("w=5", Format.AVIF, True, "format=avif&q=60&w=5"),
        ("w=5", Format.GIF, True, "format=gif&w=5"),
        ("w=5", Format.TIFF, False, "format=jpeg&q=80&w=5"),
        ("w=5", Format.TIFF, True, "format=png&w=5"),
        ("q=33", Format.JPEG, False, "format=jpeg&q=33"),
        ("q=33", Format.PNG, False, "format=png"),
        ("format=webp&q=33", Format.PNG, False, "format=webp&q=33"),
        ("format=auto", Format.TIFF, True, "format=png"),
        ("lossless=1", Format.WEBP, False, "format=webp&lossless=1"),
        ("lossless=1&max_bytes=9", Format.JPEG, False, "format=jpeg&max_bytes=9&q=80"),
        ("max_bytes=9", Format.PNG, False, "format=png"),
        ("frame=0", Format.GIF, True, "format=gif"),
    ],
)
def test_format_and_quality_are_made_concrete(
    query: str, kind: Format, has_alpha: bool, text: str
) -> None:
    """The default format is the original's if browsers show it, otherwise PNG or JPEG."""
    wanted = effective(parse_text(query), original(kind, has_alpha=has_alpha), QUALITY)

    assert canonical(wanted) == text


def test_auto_is_resolved_by_negotiation() -> None:
    """`format=auto` is a transform without a format until one is negotiated."""
    wanted = parse_text("w=5&format=auto&q=33")

    assert (wanted.auto, wanted.format) == (True, None)
    assert with_format(wanted, Format.WEBP) == parse_text("w=5&format=webp&q=33")
    assert with_format(wanted, Format.PNG) == parse_text("w=5&format=png")


def test_a_preset_keeps_keys_that_only_affect_others() -> None:
    """`fit=cover&dpr=2` alone has no effect, but has one when a box is given."""
    presets = {"banner": parse_preset("fit=cover&dpr=2&gravity=smart&format=auto")}

    wanted = parse_text("preset=banner&w=30&h=20&format=png", presets)

    assert wanted == parse_text("w=60&h=40&fit=cover&gravity=smart&format=png")
    assert parse_text("preset=banner", presets) == parse_text("format=auto")


def test_a_preset_that_grows_too_large_beside_other_keys_is_refused() -> None:
    """The limit of the box applies to preset and query together."""
    with pytest.raises(InvalidTransform, match="dpr makes the box 9000"):
        parse_text("preset=big&dpr=3", {"big": parse_preset("w=3000")})


def test_a_frame_beyond_the_last_is_refused() -> None:
    """The error has the key and the number of frames."""
    animated = replace(original(Format.GIF), frames=4)

    assert effective(parse_text("frame=3"), animated, QUALITY).frame == 3
    with pytest.raises(InvalidTransform) as caught:
        effective(parse_text("frame=4"), animated, QUALITY)
    assert caught.value.fields[0][0] == "frame"
    assert "from 0 to 3" in caught.value.detail


def test_an_unknown_watermark_is_refused_with_the_known_ones() -> None:
    """The names of watermarks are public: URLs contain them."""
    for marks, says in (({"logo": Watermark(text="x")}, "logo"), (None, "none here")):
        with pytest.raises(InvalidTransform) as caught:
            effective(parse_text("wm=lgoo"), original(), QUALITY, marks)

        assert [loc for loc, _ in caught.value.fields] == ["wm"]
        assert says in caught.value.detail


@pytest.mark.parametrize(
    "other",
    [
        {"image": b"2"},
        {"text": "2"},
        {"font": b"2"},
        {"color": "000000"},
        {"position": "north"},
        {"scale": 0.5},
        {"opacity": 0.5},
        {"margin": 5},
        {"tile": True},
    ],
)
def test_another_watermark_under_the_same_name_makes_another_variant(
    other: dict[str, Any],
) -> None:
    """Variants are kept without a time limit; every change of their bytes must change their key."""
    mark = Watermark(image=b"1", text="1")
    wanted = parse_text("wm=logo")

    keys = {
        variant_key(DIGEST, canonical(effective(wanted, original(), QUALITY, {"logo": it})))
        for it in (mark, replace(mark), replace(mark, **other))
    }

    assert len(keys) == 2


def test_an_effective_text_can_be_read_again() -> None:
    """This includes the fingerprint of its watermark."""
    marks = {"logo": Watermark(text="x")}
    wanted = effective(parse_text("wm=logo&crop=1,2,3,4"), original(), QUALITY, marks)

    assert parse_text(canonical(wanted)) == wanted
    assert effective(wanted, original(), QUALITY, marks) == wanted


def test_variant_keys_differ_by_original_and_transform() -> None:
    """Keys are file names: 64 hexadecimal digits, the same for the same bytes only."""
    keys = {
        variant_key(digest, canonical(parse_text(query)))
        for digest in (DIGEST, Digest("cd" * 32))
        for query in ("w=5", "h=5", "w=5&q=2")
    }

    assert len(keys) == 6
    assert all(len(key) == 64 and set(key) <= set("0123456789abcdef") for key in keys)
    assert canonical(Transform(w=5, gravity="north")) == canonical(Transform(w=5))


@given(queries)
def test_normal_is_idempotent(query: dict[str, str]) -> None:
    """Normalizing a normal transform changes nothing."""
    transform = parse(query.items())

    assert normal(transform) == transform


def test_the_grammar_needs_no_pixel_library() -> None:
    """The server process parses URLs and predicts sizes; it must never load a decoder."""
    code = (
        "import sys; import imagesvc.imaging.limits, imagesvc.imaging.transforms.geometry; "
        "import imagesvc.imaging.transforms.transform, imagesvc.workers.pool; "
        "print({'pyvips', 'PIL', 'imagesvc.imaging.handlers'} & set(sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"
