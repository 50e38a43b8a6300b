"""Versions agree: pyproject.toml, CHANGELOG.md, and the output of programs."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parent.parent
CHANGELOG = (ROOT / "CHANGELOG.md").read_text("utf-8")
CONSTRAINTS = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
SECTIONS = re.findall(r"^## (.+)$", CHANGELOG, re.MULTILINE)


def numbers_of(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split("."))


def test_the_changelog_has_dated_versions_from_new_to_old() -> None:
    """Users read a section before an upgrade: each has a number and a date."""
    unreleased, *dated = SECTIONS
    versions = [re.fullmatch(r"\[(\d+\.\d+\.\d+)] - (\d{4}-\d\d-\d\d)", it) for it in dated]
    found = [(numbers_of(it[1]), date.fromisoformat(it[2])) for it in versions if it]

    assert unreleased == "[Unreleased]"
    assert len(found) == len(dated) > 0
    assert found == sorted(found, reverse=True)


def test_the_newest_version_of_the_changelog_is_the_one_of_the_package() -> None:
    """pyproject.toml has the only number; a release without a section fails here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    assert SECTIONS[1].startswith(f"[{project['version']}] - ")


def test_the_installed_package_has_the_version_of_the_project() -> None:
    """`imagesvc --version`, the OpenAPI document and the client read the number from metadata."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    assert version("imagesvc") == project["version"]


def requirements_of(folder: Path) -> dict[str, Requirement]:
    """The requirements of a project for running, tests and development."""
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project.get("optional-dependencies", {}).values()
    lines = [*project["dependencies"], *(line for extra in extras for line in extra)]
    found = {it.name: it for it in map(Requirement, lines) if it.name != project["name"]}
    return {name: it for name, it in found.items() if it.marker is None or it.marker.evaluate()}


def test_constraints_contain_only_versions() -> None:
    """They work on every machine, with every registry."""
    header, *lines = CONSTRAINTS

    assert header.startswith("# ")
    assert lines
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==[\w.]+( ; .+)?", line)] == []


@pytest.mark.parametrize("folder", [ROOT, ROOT / "client"], ids=["server", "client"])
def test_constraints_fit_what_the_projects_need(folder: Path) -> None:
    """After a bound is raised, `make constraints` updates them."""
    lines = map(Requirement, CONSTRAINTS[1:])
    pinned = {it.name: it for it in lines if it.marker is None or it.marker.evaluate()}
    for name, needed in requirements_of(folder).items():
        (only,) = pinned[name].specifier
        assert needed.specifier.contains(Version(only.version)), name


def test_client_and_server_have_the_same_lower_bounds() -> None:
    """It is tested with these, since the server's package contains it."""
    server, client = requirements_of(ROOT), requirements_of(ROOT / "client")

    for name, needed in client.items():
        (oldest,) = (it.version for it in server[name].specifier if it.operator == ">=")
        assert needed.specifier.contains(oldest), name


def test_each_library_has_a_lower_bound() -> None:
    """Without one, the oldest installable versions are years old."""
    needed = requirements_of(ROOT).values()

    assert [it.name for it in needed if not any(s.operator == ">=" for s in it.specifier)] == []
