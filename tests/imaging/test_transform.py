"""The grammar: text to canonical transforms and back."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagesvc.errors import InvalidTransform
from imagesvc.imaging.keys import FITS, FLIPS, GRAVITIES, KEYS, OUTPUT_FORMATS
from imagesvc.imaging.transform import (
    canonical,
    effective,
    normal,
    parse,
    parse_text,
    variant_key,
)
from imagesvc.model import Digest, Format, Transform
from tests.imaging.pictures import QUALITY, original

DIGEST = Digest("ab" * 32)

texts = {
    "w": st.integers(1, 8192).map(str),
    "h": st.integers(1, 8192).map(str),
    "fit": st.sampled_from(FITS),
    "gravity": st.sampled_from(GRAVITIES),
    "enlarge": st.sampled_from("01"),
    "rotate": st.sampled_from(["0", "90", "180", "270"]),
    "flip": st.sampled_from(sorted(FLIPS)),
    "blur": st.decimals(min_value="0.3", max_value=250, places=3).map(str),
    "gray": st.sampled_from("01"),
    "format": st.sampled_from(sorted(OUTPUT_FORMATS)),
    "q": st.integers(1, 100).map(str),
}
queries = st.fixed_dictionaries({}, optional=texts)


@given(queries)
def test_the_canonical_text_means_the_same_transform(query: dict[str, str]) -> None:
    """Text, transform, text, transform: nothing is lost, and the second text equals the first."""
    transform = parse(query.items())

    text = canonical(transform)

    assert parse_text(text) == transform
    assert canonical(parse_text(text)) == text


@given(queries, st.randoms(use_true_random=False))
def test_the_order_of_keys_does_not_matter(query: dict[str, str], random: Random) -> None:
    """A variant is shared however its URL is written."""
    pairs = list(query.items())
    random.shuffle(pairs)

    assert canonical(parse(pairs)) == canonical(parse(query.items()))


def test_the_grammar_has_a_row_for_each_field() -> None:
    """A transform has no field that text cannot set."""
    assert set(KEYS) == {field.name for field in fields(Transform)}


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
    ],
)
def test_the_canonical_text_is_sorted_and_drops_defaults(query: str, text: str) -> None:
    """The form that rows, ETags and URLs are made of, as documented."""
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
        ("rotate=45", "rotate", "0, 90, 180, 270"),
        ("rotate=360", "rotate", "0, 90, 180, 270"),
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
        ("format=tiff", "format", "jpeg, jpg, png, webp, avif, gif"),
        ("format=auto%00", "format", "jpeg, jpg, png, webp, avif, gif"),
        ("q=0", "q", "from 1 to 100"),
        ("q=101", "q", "from 1 to 100"),
        ("width=5", "width", "there are w, h, fit"),
        ("W=5", "W", "there are w, h, fit"),
        ("w=5&w=5", "w", "more than once"),
        ("preset=thumbnail", "preset", "none here"),
        ("w", "transform", "query string"),
        ("w=5;h=5", "w", "from 1 to 8192"),
        ("w=%FF", "transform", "query string"),
        ("&".join(f"k{n}=1" for n in range(65)), "transform", "query string"),
    ],
)
def test_what_is_not_in_the_grammar_is_refused_by_name(query: str, key: str, says: str) -> None:
    """The error names the key and what is allowed, so that a caller can mend the URL."""
    with pytest.raises(InvalidTransform) as caught:
        parse_text(query)

    assert [name for name, _ in caught.value.fields] == [key]
    assert says in caught.value.fields[0][1]
    assert says in caught.value.detail


def test_all_faults_are_named_at_once() -> None:
    """A caller with two mistakes needs one round trip, not two."""
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


def test_a_preset_is_overridden_by_what_stands_beside_it() -> None:
    """`preset=thumbnail&w=100` is the thumbnail, narrower; the order makes no difference."""
    presets = {"thumbnail": parse_text("w=256&h=256&gray=1")}

    overridden = parse_text("w=100&preset=thumbnail&gray=0", presets)

    assert overridden == parse_text("w=100&h=256")


def test_an_unknown_preset_is_refused_with_the_known_ones() -> None:
    """The names of presets are public: they stand in URLs."""
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
    ],
)
def test_format_and_quality_are_made_concrete(
    query: str, kind: Format, has_alpha: bool, text: str
) -> None:
    """The default format is the original's where browsers show it, else PNG or JPEG."""
    wanted = effective(parse_text(query), original(kind, has_alpha=has_alpha), QUALITY)

    assert canonical(wanted) == text


def test_variant_keys_differ_by_original_and_transform() -> None:
    """Keys are file names: 64 hexadecimal digits, the same for the same bytes only."""
    keys = {
        variant_key(digest, parse_text(query))
        for digest in (DIGEST, Digest("cd" * 32))
        for query in ("w=5", "h=5", "w=5&q=2")
    }

    assert len(keys) == 6
    assert all(len(key) == 64 and set(key) <= set("0123456789abcdef") for key in keys)
    assert variant_key(DIGEST, Transform(w=5, gravity="north")) == variant_key(
        DIGEST, Transform(w=5)
    )


@given(queries)
def test_normal_is_idempotent(query: dict[str, str]) -> None:
    """Normalizing what is normal changes nothing."""
    transform = parse(query.items())

    assert normal(transform) == transform


def test_the_grammar_needs_no_pixel_library() -> None:
    """The server process parses URLs and predicts sizes; it must never load a decoder."""
    code = (
        "import sys; import imagesvc.imaging.transform, imagesvc.imaging.geometry, "
        "imagesvc.imaging.limits; print({'pyvips', 'PIL'} & set(sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"
