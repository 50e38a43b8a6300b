"""The catalogues of texts: complete in every language, and without texts that no page shows."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

from imagesvc.errors import ImagesvcError
from imagesvc.web.languages import DEFAULT, LANGUAGES, catalogues, explained, problem_texts

WEB = Path(__file__).parent.parent.parent / "imagesvc" / "web"
SOURCES = [
    *(WEB / "templates").glob("*.html"),
    *(path for path in (WEB / "static" / "js").rglob("*.js")),
]
USED = re.compile(r"""\b(t|counted)\(\s*["'`]([\w.]+?)(_?["'`])""")
COMPOSED = re.compile(r"""\bt\(\s*(?:["'`])([\w.]+_)(?:["'] ~|\$\{)""")
"""A key whose end is computed: `t("common.theme_" ~ name)`."""


def used_keys(text: str) -> set[str]:
    """The keys of the texts that a source shows."""
    found = set()
    for function, key, _end in USED.findall(text):
        found |= {f"{key}_one", f"{key}_other"} if function == "counted" else {key}
    return found


def placeholders(text: str) -> set[str]:
    return {name for _text, name, _spec, _conversion in Formatter().parse(text) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_texts(language: str) -> None:
    """With the same placeholders, sorted by key."""
    english, texts = catalogues()["en"], catalogues()[language]

    assert list(texts) == sorted(english)
    assert [key for key in english if placeholders(english[key]) != placeholders(texts[key])] == []
    assert [key for key, text in texts.items() if not text.strip()] == []


def codes(kind: type[ImagesvcError] = ImagesvcError) -> set[str]:
    """The codes of a class of errors and of all below it."""
    return {kind.code}.union(*(codes(below) for below in kind.__subclasses__()))


@pytest.mark.parametrize("language", [name for name in LANGUAGES if name != DEFAULT])
def test_every_error_has_a_text_in_other_languages(language: str) -> None:
    """The English detail is a part of some, and stands alone for a code that has no text."""
    texts = problem_texts(language)

    assert texts.keys() == codes()
    assert {name for text in texts.values() for name in placeholders(text)} == {"detail"}
    assert explained(language, "conflict", "It has {3}.").endswith(": It has {3}.")
    assert explained(language, "of_tomorrow", "It is new.") == "It is new."
    assert explained(DEFAULT, "conflict", "It has {3}.") == "It has {3}."


def test_every_text_is_shown_and_every_shown_text_exists() -> None:
    """Neither is a key missing, nor is one left over."""
    sources = "\n".join(path.read_text("utf-8") for path in SOURCES)
    starts = tuple(COMPOSED.findall(sources))
    keys = set(catalogues()["en"])
    composed = {key for key in keys if starts and key.startswith(starts)}

    used = {key for key in used_keys(sources) if not key.endswith("theme")} | composed
    used |= {"common.theme"}

    assert used - keys == set()
    assert keys - used == set()
