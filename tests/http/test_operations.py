"""Operations: declared once, without instances; routes check requests in one order."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Route

from imagesvc.app.app import create_app
from imagesvc.app.operations import OPERATIONS
from imagesvc.http.operations import Operation
from imagesvc.service.service import Service
from imagesvc.settings.settings import Settings
from tests.http.asking import assert_problem
from tests.http.people import People
from tests.server import Server

pytestmark = pytest.mark.joint

UNKNOWN_ID = "019aa5f0-3c1e-7bd2-9f40-6d2a51c7e803"
COLLECTION = f"/api/v1/collections/{UNKNOWN_ID}"
WITHOUT_QUERY = [operation for operation in OPERATIONS if operation.query is None]

MAKE_DOCUMENT = """
import sys
from imagesvc.app.operations import OPERATIONS, api_document

def hook(event, arguments):
    if event in {"open", "os.mkdir", "os.open", "os.listdir", "os.scandir", "tempfile.mkdtemp"}:
        raise AssertionError(f"{event} {arguments}")

made_of = {name for name in sys.modules if name.startswith(("imagesvc.service", "imagesvc.server"))}
if made_of:
    raise AssertionError(made_of)
sys.addaudithook(hook)
print(len(OPERATIONS), len(api_document()))
"""


@pytest.mark.breadth
def test_the_document_is_made_without_files(tmp_path: Path) -> None:
    """It needs no service, data directory, lock or source: importing the modules is enough."""
    made = subprocess.run(
        [sys.executable, "-c", MAKE_DOCUMENT],
        cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip

    assert made.returncode == 0, made.stderr
    count, size = map(int, made.stdout.split())
    assert count == len(OPERATIONS)
    assert size > 100_000
    assert list(tmp_path.iterdir()) == []


def test_every_declared_operation_is_served_and_no_other(tmp_path: Path) -> None:
    """The routes have the order of the table, which matters where two paths match."""
    service = Service(Settings(data_dir=tmp_path / "data"))
    app: Any = create_app(service).asgi
    while hasattr(app, "_app"):
        app = app._app
    service.files.locks.close()
    routes: list[Route] = app.routes

    assert [(route.name, route.path) for route in routes] == [
        (operation.name, operation.path) for operation in OPERATIONS
    ]
    for route, operation in zip(routes, OPERATIONS, strict=True):
        assert (route.methods or set()) - {"HEAD"} == {operation.method}


@pytest.mark.parametrize("operation", WITHOUT_QUERY, ids=lambda operation: operation.name)
def test_an_operation_without_query_refuses_parameters(
    server: Server, operation: Operation
) -> None:
    """The query is checked before the subject is looked up, for every body."""
    path = re.sub(r"{\w+}", UNKNOWN_ID, operation.path)

    answer = server.client.request(operation.method, path, params={"colour": "red"})

    document = assert_problem(answer, 400, "invalid_request")
    assert document["errors"] == [{"loc": "colour", "msg": "is unknown; there are none here"}]


def test_checks_have_one_order(people: People) -> None:
    """The order is credential, query, subject, media type, body."""
    ann, bob = people.ann, people.bob
    made = ann.post("/api/v1/collections", json={"title": "x", "visibility": "public"}).json()
    mine = f"/api/v1/collections/{made['id']}"
    wrong: dict[str, Any] = {"content": b"{", "headers": {"content-type": "text/plain"}}
    stranger = people.server.client

    assert_problem(stranger.patch(f"{COLLECTION}?x=1", **wrong), 401, "unauthorized")
    assert_problem(bob.patch(f"{COLLECTION}?x=1", **wrong), 400, "invalid_request")
    assert_problem(bob.patch(COLLECTION, **wrong), 404, "not_found")
    assert_problem(bob.patch(mine, **wrong), 403, "forbidden")
    assert_problem(ann.patch(mine, **wrong), 415, "unsupported_media_type")
    assert_problem(
        ann.patch(mine, content=b"{", headers={"content-type": "application/json"}),
        400, "invalid_request",
    )  # fmt: skip


def test_an_absent_member_stays_and_null_empties(people: People) -> None:
    """A patch distinguishes absent members from those that are null (RFC 7396)."""
    given = {"title": "Dunes", "description": "windy", "visibility": "unlisted"}
    made = people.ann.post("/api/v1/collections", json=given).json()
    url = f"/api/v1/collections/{made['id']}"

    same = people.ann.patch(url, json={}).json()
    emptied = people.ann.patch(url, json={"description": None}).json()

    assert {name: same[name] for name in given} == given
    assert (emptied["title"], emptied["description"]) == ("Dunes", "")
    assert emptied["visibility"] == "unlisted"
