"""The documentation matches the code."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Route

from imagesvc.app.app import create_app
from imagesvc.client import AsyncClient, Client
from imagesvc.client.parameters import Transform
from imagesvc.imaging.transforms.keys import KEYS
from imagesvc.service.service import Service
from imagesvc.settings.settings import Settings
from imagesvc.settings.sources import PREFIX
from tests.test_errors import STATUS_OF_CODE

ROOT = Path(__file__).parent.parent
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text()
HTTP = (ROOT / "docs" / "http.md").read_text()
DOCUMENTED = dict(re.findall(r"^\| `(\w+)` \| (.+?) \| .+ \|$", CONFIGURATION, re.MULTILINE))
PAGES = [
    path
    for folder in (ROOT, ROOT / "docs", ROOT / "client", ROOT / "benchmarks")
    for path in sorted(folder.glob("*.md"))
]
FIXED_DEFAULTS = [
    name for name, field in Settings.model_fields.items() if field.default_factory is None
]


def routes_of(service: Service) -> list[Route]:
    """The route table inside the middleware."""
    app: Any = create_app(service).asgi
    while hasattr(app, "_app"):
        app = app._app
    found: list[Route] = app.routes
    return found


def test_every_route_is_documented_and_no_other(tmp_path: Path) -> None:
    """docs/http.md has each route, and no route that answers 404."""
    rows = re.findall(r"^\| (`[A-Z`, ]+`) \| `(/\S*)` \|", HTTP, re.MULTILINE)
    documented = {
        (method, re.sub(r"{\w+}", "{}", path))
        for methods, path in rows
        for method in re.findall("[A-Z]+", methods)
    }
    service = Service(Settings(data_dir=tmp_path / "data"))

    served = {
        (method, re.sub(r"{\w+}", "{}", route.path))
        for route in routes_of(service)
        for method in (route.methods or set()) - {"HEAD"}
    }

    service.files.locks.close()
    assert documented == served


def test_every_error_code_is_documented_with_its_status() -> None:
    """Clients compare codes, so each is documented."""
    documented = dict(re.findall(r"^\| `(\w+)` \| (\d{3}) \|", HTTP, re.MULTILINE))

    assert documented == {code: str(status) for code, status in STATUS_OF_CODE.items()}


def test_every_transform_key_is_documented_and_no_other() -> None:
    """Users write transform URLs by hand."""
    table = HTTP.partition("### Transform parameters")[2].partition("## Lists")[0]
    keys = [key for row in re.findall(r"^\| (`.+?) \|", table, re.MULTILINE)
            for key in re.findall(r"`(\w+)`", row)]  # fmt: skip

    assert sorted(keys) == sorted([*KEYS, "preset"])


def test_every_setting_is_documented_and_no_other() -> None:
    """docs/configuration.md has each setting, and none that was removed."""
    assert sorted(DOCUMENTED) == sorted(Settings.model_fields)


def test_a_documented_default_is_the_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The documented defaults, set in the environment, change nothing."""
    monkeypatch.chdir(tmp_path)  # no .env and no imagesvc.toml
    for name in FIXED_DEFAULTS:
        monkeypatch.setenv(f"{PREFIX}{name.upper()}", DOCUMENTED[name].strip("`"))

    in_force = Settings()

    found = {name: getattr(in_force, name) for name in FIXED_DEFAULTS}
    assert found == {name: Settings.model_fields[name].default for name in FIXED_DEFAULTS}


def test_the_documented_file_is_one_that_works(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The imagesvc.toml of the page can be copied, and all of it takes effect."""
    monkeypatch.chdir(tmp_path)
    example = re.findall(r"```toml\n(.+?)```", CONFIGURATION, re.DOTALL)[0]
    (tmp_path / "imagesvc.toml").write_text(example)

    in_force = Settings().shown()

    expected = Settings(**tomllib.loads(example)).shown()
    assert in_force == expected
    assert in_force["presets"]["card"] == "w=600&h=315&fit=cover"


ROOTS = (ROOT, ROOT / "imagesvc")  # of paths in pages
TRANSFORMS = (ROOT / "docs" / "transforms.md").read_text()
VECTOR = "qqwu3U1W8zFb6_vWQcq08JoHgECkArmxUZCk0fZOqzA"


def test_every_transform_key_has_its_row_and_every_picture_its_file() -> None:
    """`make docs` makes the page from the table of the grammar."""
    rows = re.findall(r"^\| `(\w+)` \|", TRANSFORMS, re.MULTILINE)
    readme = (ROOT / "README.md").read_text("utf-8")
    pictures = set(re.findall(r"[(/]pictures/([\w.-]+)\)", TRANSFORMS + readme))

    assert rows == [*KEYS, "preset"]
    assert list(Transform.__annotations__) == rows  # the Python client's
    assert pictures == {path.name for path in (ROOT / "docs" / "pictures").iterdir()}


@pytest.mark.parametrize(("language", "command"), [("python", "python3"), ("javascript", "node")])
def test_a_documented_recipe_signs_as_the_service_does(language: str, command: str) -> None:
    """Users copy the page's code into their own programs."""
    if shutil.which(command) is None:
        pytest.skip(f"{command} is not installed")
    (recipe,) = re.findall(rf"```{language}\n(.+?)```", TRANSFORMS, re.DOTALL)
    option = "-c" if language == "python" else "-e"

    done = subprocess.run([command, option, recipe], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == VECTOR


def test_every_dependency_has_its_reason() -> None:
    """The README gives a reason for each installed dependency."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    section = (ROOT / "README.md").read_text("utf-8").partition("## Dependencies")[2]
    told = re.findall(r"^\| (.+?) \|", section, re.MULTILINE)
    names = {word.lower() for cell in told for word in re.split(r"[ ,]+", cell)}

    needed = {re.split(r"[^\w-]", dependency)[0] for dependency in project["dependencies"]}

    assert needed <= names


@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_every_method_of_the_python_client_is_documented(client: type) -> None:
    """Users do not find a method that the page does not name."""
    page = (ROOT / "docs" / "client.md").read_text("utf-8")
    methods = {name for name in dir(client) if not name.startswith("_")}

    assert "upload" in methods
    assert methods - set(re.findall(r"`(\w+)`", page)) == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    """Pages refer to each other and to sections; a renamed heading must not break a link."""
    broken = [
        link
        for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text())
        if "://" not in link and not _exists(page, link)
    ]

    assert broken == []


def _exists(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = page.parent / path if path else page
    return target.exists() and (not anchor or anchor in _anchors(target))


def _anchors(page: Path) -> set[str]:
    """The headings of a page as links name them: lower case, hyphens, no punctuation."""
    text = re.sub(r"^ *```.*?^ *```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", it).strip().lower().replace(" ", "-") for it in headings}


def test_the_architecture_names_modules_that_exist() -> None:
    """When files move, the page must be changed."""
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "imagesvc").rglob("*.py")}
    named = re.findall(r"`((?:[a-z_]+/)*[a-z_0-9]+\.py)`", text)

    assert len(named) > 50
    assert [
        name for name in named if not any(f"/{module}".endswith(f"/{name}") for module in modules)
    ] == []


def test_the_examples_for_contributors_name_files_that_exist() -> None:
    """Except for those that an example adds."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    named = set(re.findall(r"`((?:[a-z_.]+/)+[a-z_0-9.]*|[A-Z]+\.md)`", text))
    parts = {path.rstrip("/"): path for path in named}

    missing = {path for path in parts if not any((root / path).exists() for root in ROOTS)}

    assert len(named) > 25
    assert {Path(path).stem.lstrip("0123456789_") for path in missing} <= {
        "favourites", "test_favourites", "formats", "test_formats",
    }  # fmt: skip
