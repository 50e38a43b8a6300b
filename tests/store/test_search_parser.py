"""The grammar of searches: the meaning of each row, and the position of errors."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagesvc.errors import InvalidQuery
from imagesvc.model.formats import Format
from imagesvc.model.ids import ImageId
from imagesvc.store.search.hues import Hue
from imagesvc.store.search.parser import FIELDS, MAX_LENGTH, MAX_TERMS, parse
from imagesvc.store.search.terms import (
    Atom,
    Colored,
    Dated,
    Day,
    Either,
    From,
    Hued,
    Measure,
    OfFormat,
    Range,
    Shape,
    Shaped,
    Similar,
    Tags,
    Term,
    TextField,
    To,
    Words,
)

ID = "0190c0de-0000-7000-8000-000000000000"


@pytest.mark.parametrize(
    ("text", "atoms"),
    [
        ("", []),
        (" \t ", []),
        ("sunset beach", [Words("sunset"), Words("beach")]),
        ('"golden hour"', [Words("golden hour", is_quoted=True)]),
        ("tags:sea,sand", [Tags(("sea", "sand"))]),
        ('tags:#Sea,"New York"', [Tags(("sea", "new york"))]),
        ("desc:word", [Words("word", TextField.DESCRIPTION)]),
        ('title:"two words"', [Words("two words", TextField.TITLE, is_quoted=True)]),
        ("FileName:img_1", [Words("img_1", TextField.FILENAME)]),
        ("camera:x100", [Words("x100", TextField.CAMERA)]),
        ("date:2016", [Dated(Day(2016))]),
        ("date:03-2018", [Dated(Day(2018, 3))]),
        ("date:2018-03", [Dated(Day(2018, 3))]),
        ("date:24-12-2020", [Dated(Day(2020, 12, 24))]),
        ("date:2020-12-24", [Dated(Day(2020, 12, 24))]),
        ("date:24-*-*", [Dated(Day(day=24))]),
        ("date:24-12-*", [Dated(Day(month=12, day=24))]),
        ("date:*-12-24", [Dated(Day(month=12, day=24))]),
        ("date:*-12-*", [Dated(Day(month=12))]),
        ("date:29-02-*", [Dated(Day(month=2, day=29))]),
        ("date:*-*-2020", [Dated(Day(2020))]),
        ("date:2020-*-24", [Dated(Day(2020, day=24))]),
        ("from:03-2018 to:2019", [From(Day(2018, 3)), To(Day(2019))]),
        ("format:png", [OfFormat(Format.PNG)]),
        ("format:JPG", [OfFormat(Format.JPEG)]),
        ("size:>1MB", [Range(Measure.SIZE, 1_000_001, None)]),
        ("size:>=1.5KiB", [Range(Measure.SIZE, 1536, None)]),
        ("size:<2gb", [Range(Measure.SIZE, None, 1_999_999_999)]),
        ("size:500KB..2MiB", [Range(Measure.SIZE, 500_000, 2 << 20)]),
        ("size:12B", [Range(Measure.SIZE, 12, 12)]),
        ("width:>=1920", [Range(Measure.WIDTH, 1920, None)]),
        ("height:=5", [Range(Measure.HEIGHT, 5, 5)]),
        ("height:<=5", [Range(Measure.HEIGHT, None, 5)]),
        ("width:5..", [Range(Measure.WIDTH, 5, None)]),
        ("orientation:portrait", [Shaped(Shape.PORTRAIT)]),
        ("color:#2F6B9A", [Colored("2f6b9a")]),
        ("color:abc", [Colored("aabbcc")]),
        ("color:Grey OR sea", [Either((Hued(Hue.GRAY), Words("sea")))]),
        (f"similar:{ID}", [Similar(ImageId(UUID(ID)))]),
        ("sea OR lake", [Either((Words("sea"), Words("lake")))]),
        (
            "a sea  OR\tlake OR tags:x b",
            [
                Words("a"),
                Either((Words("sea"), Words("lake"), Tags(("x",)))),
                Words("b"),
            ],
        ),
        (
            '"a b" OR title:c',
            [
                Either((Words("a b", is_quoted=True), Words("c", TextField.TITLE))),
            ],
        ),
        ("format:png OR format:gif", [Either((OfFormat(Format.PNG), OfFormat(Format.GIF)))]),
        ("date:2016 OR orientation:square", [Either((Dated(Day(2016)), Shaped(Shape.SQUARE)))]),
        # OR is a word where it joins nothing, or is not written large
        ("OR a", [Words("OR"), Words("a")]),
        ("a OR", [Words("a"), Words("OR")]),
        ("a OR ", [Words("a"), Words("OR")]),
        ("a or b", [Words("a"), Words("or"), Words("b")]),
        ('a "OR" b', [Words("a"), Words("OR", is_quoted=True), Words("b")]),
        ("a OR OR b", [Either((Words("a"), Words("OR"))), Words("b")]),
        # what other languages have for operators is text
        ("a AND b", [Words("a"), Words("AND"), Words("b")]),
        ("NEAR(a b)", [Words("NEAR(a"), Words("b)")]),
        ("http://a.b/c sea* ^x a:b", [*map(Words, ("http://a.b/c", "sea*", "^x", "a:b"))]),
        ("a - b", [Words("a"), Words("-"), Words("b")]),
        ('say"hi"', [Words('say"hi"')]),
        ("a\0b", [Words("a\0b")]),
        ("\ud800", [Words("\ud800")]),
    ],
)
def test_a_query_means_its_terms(text: str, atoms: list[Atom]) -> None:
    """These are the rows of the documentation's table, and texts that only resemble grammar."""
    assert [term.atom for term in parse(text).terms] == atoms


@pytest.mark.parametrize(
    ("text", "atom"),
    [
        ("-night", Words("night")),
        ('-"blue hour"', Words("blue hour", is_quoted=True)),
        ("-tags:sea", Tags(("sea",))),
        ("--x", Words("-x")),
    ],
)
def test_a_minus_negates_words_phrases_and_fields(text: str, atom: Atom) -> None:
    """It is directly before the excluded term."""
    assert parse(text).terms == (Term(atom, is_negated=True),)


@pytest.mark.parametrize(
    ("text", "column", "expected"),
    [
        ('sea "golden', 12, 'a " that closes the one in column 5'),
        ('sea ""', 6, "words between the quotes"),
        ("sea tags:", 10, "a tag"),
        ("tags:sea,,sand", 10, "a tag"),
        ('tags:"a"b', 9, "a comma or a space"),
        ("title:", 7, "words after title:"),
        ("date:yesterday", 6, "a date such as"),
        ("date:30-02-2020", 6, "a date that exists"),
        ("date:*-*-*", 6, "a date such as"),
        ("date:2020-1-1", 6, "a date such as"),
        ("date:\u0662\u0660\u0661\u0666", 6, "a date such as"),
        ("sea from:24-*-*", 10, "a date without *"),
        ("format:exe", 8, "one of jpeg, png"),
        ("size:>1XB", 6, "a number such as"),
        ("size:", 6, "a number such as"),
        ("size:9999999TB", 6, "a smaller number"),
        ("width:<0", 7, "a number above 0"),
        ("width:1.5", 7, "a number such as"),
        ("width:=>5", 7, "one of > >= < <= ="),
        ("width:9..5", 7, "a lower and an upper bound"),
        ("width:..", 7, "a lower and an upper bound"),
        ("orientation:up", 13, "one of landscape"),
        ("color:teal", 7, "one of red, orange"),
        ("similar:1", 9, "the id of an image"),
        (f"a -similar:{ID}", 3, "without -"),
        (f"similar:{ID} similar:{ID}", 46, "one similar: at most"),
        ("a OR -b", 6, "a word, a phrase, tags:"),
        ("-a OR b", 1, "a word, a phrase, tags:"),
        ("sea OR size:>1MB", 8, "a word, a phrase, tags:"),
        (f"similar:{ID} OR a", 1, "a word, a phrase, tags:"),
        ("a OR from:2016", 6, "a word, a phrase, tags:"),
        ("a OR " * MAX_TERMS + "b", 5 * MAX_TERMS + 1, "at most 32"),
        ("a " * MAX_TERMS + "b", 2 * MAX_TERMS + 1, "at most 32"),
        ("a" * (MAX_LENGTH + 1), MAX_LENGTH + 1, "at most 500"),
    ],
)
def test_an_error_points_at_its_column_and_says_what_was_expected(
    text: str, column: int, expected: str
) -> None:
    """Columns are counted from 1, as editors do."""
    with pytest.raises(InvalidQuery, match=rf"^Column {column} of q: expected ") as caught:
        parse(text)

    assert expected in caught.value.detail
    assert [loc for loc, _ in caught.value.fields] == [f"q:{column}"]


PIECES = st.one_of(
    st.text(max_size=20),
    st.sampled_from([f"{field}:" for field in sorted(FIELDS)]),
    st.sampled_from([" OR ", "OR", "sea"]),
    st.sampled_from(['"', "-", ",", " ", "*", "..", ">=", "2016", "24-12-2020", "1MB", "#abc", ID]),
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_any_text_is_a_query_or_an_error_within_it(text: str) -> None:
    """A query's printed form is the same query."""
    try:
        query = parse(text)
    except InvalidQuery as error:
        match = re.fullmatch(r"q:(\d+)", error.fields[0][0])
        assert match is not None
        assert 1 <= int(match[1]) <= len(text) + 1
        return

    if len(str(query)) <= MAX_LENGTH:
        assert parse(str(query)) == query
