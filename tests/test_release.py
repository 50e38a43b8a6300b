"""What is told about versions agrees: pyproject.toml, CHANGELOG.md, and what programs say."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parent.parent
CHANGELOG = (ROOT / "CHANGELOG.md").read_text("utf-8")
SECTIONS = re.findall(r"^## (.+)$", CHANGELOG, re.MULTILINE)


def numbers_of(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split("."))


def test_the_changelog_has_dated_versions_from_new_to_old() -> None:
    """A section is what somebody reads before an upgrade: each has a number and a day."""
    unreleased, *dated = SECTIONS
    versions = [re.fullmatch(r"\[(\d+\.\d+\.\d+)] - (\d{4}-\d\d-\d\d)", it) for it in dated]
    found = [(numbers_of(it[1]), date.fromisoformat(it[2])) for it in versions if it]

    assert unreleased == "[Unreleased]"
    assert len(found) == len(dated) > 0
    assert found == sorted(found, reverse=True)


def test_the_newest_version_of_the_changelog_is_the_one_of_the_package() -> None:
    """pyproject.toml has the only number; a release without its section fails here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    assert SECTIONS[1].startswith(f"[{project['version']}] - ")


def test_what_is_installed_has_the_version_of_the_project() -> None:
    """`imagesvc --version`, the OpenAPI document and the client take the number from metadata."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    assert version("imagesvc") == project["version"]
