"""For other users, private data is answered like absent data: status, header fields and body."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx2
import pytest

from imagesvc.model.ids import new_id
from tests.accounts import Account, client_of, make_key
from tests.http.test_ownership import (  # noqa: F401  # fixtures
    COLLECTION,
    EXPECTED,
    HOOK,
    IMAGE,
    IMAGES,
    JOB,
    MEMBERS,
    METHODS,
    UPLOAD,
    Case,
    Things,
    ada,
    ask,
    bob,
    make_things,
    things,
)
from tests.server import Server

OF_ONE_ANSWER = {"date", "x-request-id"}
DELIVERY = "/images/{image_id}"

# By what names the thing: other parameters, bodies and conditions than in the table of operations.
MORE = {
    "get_picture": [
        f"{DELIVERY}?w=20", f"{DELIVERY}?format=auto", f"{DELIVERY}?w=0", f"{DELIVERY}?nonsense=1",
        f"{DELIVERY}?w=20&debug=1", f"{DELIVERY}?sig=AAAA&kid=default&exp=1",
    ],
    "get_preset": [f"{DELIVERY}/preview?w=20", f"{DELIVERY}/no-preset"],
    "get_blurred": ["/blurred-images/{image_id}?sigma=3"],
    "list_images": [
        "/api/v1/images?collection={collection_id}", "/api/v1/images?q=similar:{image_id}",
        "/api/v1/images?cursor={image_id}",
    ],
    "get_image": [f"{IMAGE}?nonsense=1"],
    "list_jobs": ["/api/v1/jobs?image={image_id}"],
    "list_collection_images": [f"{COLLECTION}{MEMBERS}?limit=1&cursor={{image_id}}"],
    "list_webhook_deliveries": [f"{HOOK}/deliveries?cursor={{image_id}}"],
    "get_job": [f"{JOB}?nonsense=1"],
    "list_api_keys": ["/api/v1/api-keys?user={user_id}&limit=1"],
}  # fmt: skip
BODIES: dict[str, list[dict[str, Any]]] = {
    "edit_image": [
        {"json": {"collection_id": "{collection_id}"}}, {"json": {"tags": 1}}, {"content": b"{"},
    ],
    "edit_collection": [{"json": {"cover_image_id": "{image_id}"}}, {"json": {}}],
    "add_collection_images": [{"json": {"data": []}}, {"content": b"["}],
    "process_images": [
        {"json": {"ids": ["{image_id}"], "operations": [{"w": 20}]}},
        {"json": {"id": "{image_id}", "operations": []}},
    ],
    "delete_images": [{"json": {"ids": ["{image_id}", "{image_id}"]}}],
    "upload_image": [
        {"files": {"file": ("a.jpg", UPLOAD["content"])}, "data": {"collection_id": collection}}
        for collection in ("{collection_id}", "{image_id}")
    ],
    "update_user": [{"json": {"name": "bob"}}, {"json": {"password": "long enough"}}],
    "edit_webhook": [{"json": {"url": "no url"}}, {"json": {}}],
    "create_api_key": [{"json": {"name": "x", "scopes": ["admin"], "user_id": "{user_id}"}}],
}  # fmt: skip
CONDITIONS: list[dict[str, str]] = [
    {},
    {"if-match": '"1"'},
    {"if-match": '"nonsense"'},
    {"if-none-match": "*"},
    {"range": "bytes=0-1"},
    {"accept": "image/webp"},
    {"idempotency-key": '"once"'},
]


def requests() -> dict[str, tuple[str, Case]]:
    """Every request that names a resource, by a name for the test, with its operation."""
    found = {}
    for name, case in EXPECTED.items():
        operation = name.partition("/")[0]
        cases = [case]
        cases += [replace(case, path=path) for path in MORE.get(name, ())]
        cases += [replace(case, sent=sent) for sent in BODIES.get(name, ())]
        for number, one in enumerate(cases):
            if any(f"{{{thing}}}" in f"{one.path} {one.sent}" for thing in Things.__slots__):
                found[f"{name}-{number}"] = operation, one
    return found


REQUESTS = requests()


@pytest.fixture(scope="module")
def absent(things: Things) -> Things:  # noqa: F811
    """Ids of nothing, as the service makes them, except for the requester's own resources."""
    made = {name: str(new_id()) for name in Things.__slots__}
    return Things(**{**made, "bobs_id": things.bobs_id})


@pytest.fixture(scope="module")
def others(guarded: Server, admin: Account, bob: Account) -> list[httpx2.Client]:  # noqa: F811
    """A user, a key of this user with few scopes, and a stranger."""
    _, weak = make_key(guarded, admin, bob.id, ["upload"])
    return [bob.client, weak, client_of(guarded)]


def told(answer: httpx2.Response, named: Things) -> tuple[int, list[tuple[str, str]], str]:
    """All parts of a response, without the ids that the request named."""
    text = answer.text
    for name in Things.__slots__:
        text = text.replace(getattr(named, name), name)
    fields = [item for item in answer.headers.multi_items() if item[0] not in OF_ONE_ANSWER]
    return answer.status_code, sorted(fields), text


@pytest.mark.parametrize(
    ("of_bob", "of_others"),
    [
        pytest.param(CONDITIONS[:2], CONDITIONS[:1], id="few"),
        pytest.param(CONDITIONS, CONDITIONS[:1], id="bob", marks=pytest.mark.breadth),
        pytest.param(CONDITIONS, CONDITIONS, id="each", marks=pytest.mark.long),
    ],
)
@pytest.mark.parametrize("name", REQUESTS)
def test_private_data_is_answered_like_absent_data(
    others: list[httpx2.Client],
    things: Things,  # noqa: F811
    absent: Things,
    name: str,
    of_bob: list[dict[str, str]],
    of_others: list[dict[str, str]],
) -> None:
    """On every route that names a resource, also for HEAD."""
    operation, case = REQUESTS[name]
    spoken = {"GET": ["GET", "HEAD"]}.get(METHODS[operation], [METHODS[operation]])
    for client in others:
        for method in spoken:
            for fields in of_bob if client is others[0] else of_others:
                headers = {**case.sent.get("headers", {}), **fields}
                asked = replace(case, sent={**case.sent, "headers": headers})
                private = told(ask(client, method, asked, things), things)
                missing = told(ask(client, method, asked, absent), absent)

                assert private == missing, (method, fields)
