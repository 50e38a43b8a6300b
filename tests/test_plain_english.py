"""The code and the documentation use plain technical English."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("phrase", ARCHAIC)
def test_no_archaic_word_is_used(phrase: str) -> None:
    """The error lists each file and line with the word."""
    words = GAP.join(phrase.split())
    pattern = re.compile(rf"\b{words}\b", re.IGNORECASE)

    found = [
        f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}"
        for path in FILES
        if path != Path(__file__)
        for text in [path.read_text("utf-8")]
        for match in pattern.finditer(text)
    ]

    assert found == []
