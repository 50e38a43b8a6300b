"""The page of the URL builder over HTTP: it has a field for every key of the grammar."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from imagesvc.imaging.transforms.keys import KEYS, ValueKind
from imagesvc.web.builder.grammar import GROUPS, fields
from imagesvc.web.languages import LANGUAGES, catalogues
from tests.http.asking import assert_problem
from tests.server import Server
from tests.web.test_pages import HTML, data_of, page_of

CONTROLS = (
    Path(__file__).parent.parent.parent
    / "imagesvc" / "web" / "static" / "js" / "builder" / "controls.js"
)  # fmt: skip
PAGE = "/build/019aa5f0-3c1e-7bd2-9f40-6d2a51c7e803"


def test_the_page_has_a_field_for_every_key(server: Server) -> None:
    """From the declaration of the grammar, with its limits."""
    data = data_of(page_of(server, PAGE))

    assert data["fields"] == fields()
    found = {field["name"]: field for field in fields()}
    assert found.keys() == KEYS.keys()
    assert len(found) == len(fields())
    assert (found["blur"]["minimum"], found["blur"]["maximum"]) == (0.3, 250)
    assert found["flip"]["choices"] == ["h", "v", "hv"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_field_has_a_name_and_help(language: str) -> None:
    """In every language, and no text is left over."""
    texts = catalogues()[language]
    for start, names in (("key", KEYS), ("help", KEYS), ("group", GROUPS)):
        prefix = f"builder.{start}_"
        assert {key.removeprefix(prefix) for key in texts if key.startswith(prefix)} == set(names)


def test_every_kind_of_value_has_a_control() -> None:
    """The table of the script names the kinds."""
    (table,) = re.findall(r"CONTROLS = \{(.*?)\};", CONTROLS.read_text("utf-8"))
    kinds = {entry.partition(":")[0].strip() for entry in table.split(",")}

    assert kinds == set(ValueKind)
    assert {key.kind for key in KEYS.values()} == set(ValueKind)


def test_visitors_of_the_builder_log_in_first(guarded: Server) -> None:
    """They come back to the same values."""
    answer = guarded.client.get(f"{PAGE}?w=4&h=3", headers=HTML)

    assert (answer.status_code, answer.headers["location"]) == (
        303, f"/login?next={PAGE}%3Fw%3D4%26h%3D3",
    )  # fmt: skip


def test_programs_and_malformed_ids_get_no_builder(server: Server) -> None:
    """Whether the image exists is not checked: its script asks the API."""
    assert_problem(server.client.get(PAGE), 404, "not_found")
    assert_problem(server.client.get("/build/none", headers=HTML), 404, "not_found")
