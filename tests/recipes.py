"""The recipes of docs/recipes.md as text, which tests run."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = (Path(__file__).parent.parent / "docs" / "recipes.md").read_text()
SERVICE = "https://images.example.org"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_NAME = re.compile(r"(?:#|//) (\S+\.\w+)\n")
"""The first line of a block that is a file."""


def blocks(heading: str, language: str) -> list[str]:
    """The blocks of one section in one language."""
    _before, found, section = PAGE.partition(f"\n### {heading}\n")
    assert found, heading
    section = re.split(r"^##+ ", section, maxsplit=1, flags=re.MULTILINE)[0]
    return [text for kind, text in _BLOCK.findall(section) if kind == language]


def files() -> dict[str, str]:
    """The blocks with a file name, by that name."""
    found = {}
    for _kind, text in _BLOCK.findall(PAGE):
        if name := _NAME.match(text):
            found[name[1]] = text
    return found


def filled(text: str, *, url: str, key: str = "", image_id: str = "") -> str:
    """A recipe for one service, key and image, with the client that comes with the server."""
    text = text.replace(SERVICE, url).replace("isk_…", key)
    text = text.replace("imagesvc_client", "imagesvc.client")
    return re.sub(r"\bID\b", image_id, text)
