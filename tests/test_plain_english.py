"""The code and the documentation use plain technical English."""

from __future__ import annotations

import functools
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
ARCHAIC = (
    "all the same",
    "asker",
    "askers",
    "anew",
    "befall",
    "for ever",
    "heed",
    "heeds",
    "hence",
    "herself",
    "himself",
    "hitherto",
    "lest",
    "of ours",
    "of theirs",
    "ought",
    "thereof",
    "to be had",
    "upon",
    "whereupon",
    "whoever",
    "wholly",
    "whomever",
    "whyever",
    "without a word",
)
"""Words and phrases that readers have to read twice; plain words exist for all of them."""
GAP = r"\s+(?:# )?"
FOLDERS = ("imagesvc", "client", "tests", "benchmarks", "scripts", "docs")
SUFFIXES = {".md", ".py", ".toml", ".mjs", ".sh"}
FILES = [
    *sorted(
        path
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.suffix in SUFFIXES and not {"vendor", "node_modules"} & set(path.parts)
    ),
    *ROOT.glob("*.md"),
    ROOT / "Makefile",
    ROOT / "pyproject.toml",
]


SECTION = re.compile(r"^ +(?:Args|Raises|Returns|Yields):", re.MULTILINE)


@functools.cache
def text_of(path: Path) -> str:
    return path.read_text("utf-8")


@functools.cache
def lowered(path: Path) -> str:
    return text_of(path).lower()


def places(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    """Each file and line at which a pattern is found, except in this file."""
    return [
        f"{path.relative_to(ROOT)}:{text_of(path).count(chr(10), 0, match.start()) + 1}"
        for path in paths
        if path != Path(__file__)
        for match in pattern.finditer(text_of(path))
    ]


def test_no_archaic_word_is_used() -> None:
    """The error lists each word with each file and line that has it."""
    found = {}
    for phrase in ARCHAIC:
        first, *more = phrase.split()
        pattern = re.compile(rf"\b{GAP.join([first, *more])}\b", re.IGNORECASE)
        with_first = [path for path in FILES if first in lowered(path)]  # quicker than the pattern
        if found_places := places(pattern, with_first):
            found[phrase] = found_places

    assert found == {}


def test_a_section_of_a_docstring_begins_with_a_line_of_its_own() -> None:
    """After one empty line; what documents the operations looks for such lines."""
    modules = [path for path in FILES if path.suffix == ".py"]
    joined = re.compile(SECTION.pattern + r" *\S", re.MULTILINE)
    spaced = re.compile(r"\n\n\n" + SECTION.pattern, re.MULTILINE)

    assert len(places(SECTION, modules)) > 400
    assert places(joined, modules) == []
    assert places(spaced, modules) == []
