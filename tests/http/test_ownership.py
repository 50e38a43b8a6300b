"""Private data of one user does not exist for other users, for every operation.

`EXPECTED` has a row for each operation of the API. A new operation without a row fails a test: add
a row that says how to request private data of Ada, and the response for other users.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import httpx2
import pytest

from imagesvc.app.operations import OPERATIONS
from tests.accounts import PASSWORD, Account, client_of, make_user
from tests.breadth import represented
from tests.http.asking import picture
from tests.server import Server
from tests.waiting import until

pytestmark = pytest.mark.joint

SECRET = "the-secret-of-ada"  # in whatever Ada says about her things


@dataclass(frozen=True, slots=True)
class Things:
    """The private data of Ada, by the names of path parameters."""

    image_id: str
    job_id: str
    user_id: str
    key_id: str
    collection_id: str
    webhook_id: str
    session_id: str
    share_id: str
    archive_id: str
    search_id: str
    link_id: str
    bobs_id: str
    """A private collection of Bob, to which he would like to add Ada's image."""


@dataclass(frozen=True, slots=True)
class Case:
    """How to request Ada's data with an operation, and the statuses of the responses."""

    path: str
    """The path with ids in braces, named as in `Things`."""
    owner: int
    other: int = 404
    stranger: int = 401
    admin: int | None = None
    """The status for the owner when absent."""
    sent: dict[str, Any] = field(default_factory=dict)
    """Arguments of the request, the same for all requesters."""
    is_list: bool = False
    """Other users get their own data: the response must not contain even ids of Ada's data."""


IMAGE, JOB, USER = "/api/v1/images/{image_id}", "/api/v1/jobs/{job_id}", "/api/v1/users/{user_id}"
HOOK, SHARE = "/api/v1/webhooks/{webhook_id}", "/api/v1/shares/{share_id}"
SEARCH = "/api/v1/searches/{search_id}"
SOURCE = "/api/v1/sources/{image_id}"
"""There is none with this id."""
LINK = "/api/v1/upload-links/{link_id}"
COLLECTION, MEMBERS = "/api/v1/collections/{collection_id}", "/relationships/images"
IMAGES = {"json": {"data": [{"type": "images", "id": "{image_id}"}]}}
UPLOAD = {"content": picture(7), "headers": {"content-type": "image/jpeg"}}
DELIVERED: dict[str, Any] = {"stranger": 404, "owner": 200}
OPEN: dict[str, Any] = {"owner": 200, "other": 200, "stranger": 200}
ABSENT: dict[str, Any] = {"owner": 404, "other": 404, "stranger": 404}

EXPECTED = {
    "get_picture": Case("/images/{image_id}", **DELIVERED),
    "get_preset": Case("/images/{image_id}/thumbnail", **DELIVERED),
    "get_blurred": Case("/blurred-images/{image_id}", **DELIVERED),
    "list_images": Case("/api/v1/images?limit=200", 200, other=200, is_list=True),
    "get_image": Case(IMAGE, 200),
    "list_images/search": Case(f"/api/v1/images?q={SECRET}", 200, other=200, is_list=True),
    "get_timeline": Case("/api/v1/timeline", 200, other=200, is_list=True),
    "get_timeline/owner": Case("/api/v1/timeline?owner={user_id}", 200, other=403),
    "get_timeline_month": Case(
        f"/api/v1/timeline/{datetime.now(UTC):%Y-%m}", 200, other=200, is_list=True
    ),
    "get_facets": Case("/api/v1/facets", 200, other=200, is_list=True),
    "get_facets/owner": Case("/api/v1/facets?owner={user_id}", 200, other=403),
    "edit_image": Case(IMAGE, 200, sent={"json": {"visibility": "public"}}),
    "delete_image": Case(IMAGE, 204),
    "get_upload_url": Case("/api/v1/images/actions/upload-url", 200, other=200),
    "get_upload_url/into": Case(
        "/api/v1/images/actions/upload-url?collection_id={collection_id}", 200, other=400
    ),
    "put_upload": Case("/uploads/{image_id}", 403, 403, 403, sent=UPLOAD),
    "complete_upload": Case("/uploads/{image_id}", 403, 403, 403),
    "process_images": Case(
        "/api/v1/images/actions/process", 202, sent={"json": {"id": "{image_id}"}}
    ),
    "delete_images": Case(
        "/api/v1/images/actions/delete", 207, other=207, sent={"json": {"ids": ["{image_id}"]}}
    ),
    "list_images/trash": Case(
        "/api/v1/images?trash=true&limit=200", 200, other=200, is_list=True
    ),
    "trash_images": Case(
        "/api/v1/images/actions/trash", 207, other=207, sent={"json": {"ids": ["{image_id}"]}}
    ),
    "restore_images": Case(
        "/api/v1/images/actions/restore", 207, other=207, sent={"json": {"ids": ["{image_id}"]}}
    ),
    "empty_trash": Case("/api/v1/trash/actions/empty", 200, other=200),
    "update_images": Case(
        "/api/v1/images/actions/update", 200, other=200,
        sent={"json": {"ids": ["{image_id}"], "visibility": "public"}},
    ),
    "update_images/search": Case(
        "/api/v1/images/actions/update", 200, other=200, is_list=True,
        sent={"json": {"q": SECRET, "remove_tags": ["absent"]}},
    ),
    "update_images/into": Case(
        "/api/v1/images/actions/update", 200, other=400,
        sent={"json": {"ids": ["{image_id}"], "collection_id": "{collection_id}"}},
    ),
    "check_images": Case(
        "/api/v1/images/actions/check", 200, other=200, is_list=True,
        sent={"json": {"sha256": [hashlib.sha256(picture(7)).hexdigest()]}},
    ),
    "list_variants": Case(f"{IMAGE}/variants", 200),
    "sign_urls": Case(f"{IMAGE}/signed-urls", 200, sent={"json": {}}),
    "purge_variants": Case(f"{IMAGE}/variants", 200),
    "upload_image_by_delivery_path": Case("/images", 201, other=201, sent=UPLOAD),
    "upload_image": Case("/api/v1/images", 201, other=201, sent=UPLOAD),
    "upload_image_by_action": Case("/api/v1/images/actions/upload", 201, other=201, sent=UPLOAD),
    "import_image": Case(  # off, as it is by default
        "/api/v1/images/actions/import", 403, 403,
        sent={"json": {"url": "http://127.0.0.1/a.jpg", "collection_id": "{collection_id}"}},
    ),
    "upload_image/into": Case(
        "/api/v1/images?collection_id={collection_id}", 201, other=400, sent=UPLOAD
    ),
    "list_collections": Case("/api/v1/collections?limit=200", 200, other=200, is_list=True),
    "create_collection": Case("/api/v1/collections", 201, 201, sent={"json": {"title": "x"}}),
    "get_collection": Case(COLLECTION, 200),
    "edit_collection": Case(COLLECTION, 200, sent={"json": {"visibility": "public"}}),
    "delete_collection": Case(COLLECTION, 409),
    "list_collection_images": Case(f"{COLLECTION}{MEMBERS}", 200),
    "add_collection_images": Case(f"{COLLECTION}{MEMBERS}", 204, sent=IMAGES),
    "add_collection_images/own": Case(
        f"/api/v1/collections/{{bobs_id}}{MEMBERS}", 404, admin=409, sent=IMAGES
    ),
    "remove_collection_images": Case(f"{COLLECTION}{MEMBERS}", 204, sent=IMAGES),
    "list_shares": Case("/api/v1/shares?limit=200", 200, other=200, is_list=True),
    "create_share": Case("/api/v1/shares", 201, sent={"json": {"image_id": "{image_id}"}}),
    "create_share/of_a_collection": Case(
        "/api/v1/shares", 201, sent={"json": {"collection_id": "{collection_id}"}}
    ),
    "create_share/of_a_search": Case(
        "/api/v1/shares", 201, 201, sent={"json": {"q": "tags:x OR the"}}
    ),
    "get_share": Case(SHARE, 200),
    "edit_share": Case(SHARE, 200, sent={"json": {"password": None}}),
    "delete_share": Case(SHARE, 204),
    # Those who have the token are its visitors; what they get is in test_shares.py.
    "get_shared": Case("/api/v1/shared/{share_id}", **ABSENT),
    "unlock_shared": Case(
        "/api/v1/shared/{share_id}/unlock", **ABSENT, sent={"json": {"password": SECRET}}
    ),
    "list_shared_images": Case("/api/v1/shared/{share_id}/images", **ABSENT),
    "get_shared_picture": Case("/s/{share_id}/i/{image_id}/thumbnail", **ABSENT),
    "get_shared_original": Case("/s/{share_id}/i/{image_id}/original", **ABSENT),
    "get_shared_archive": Case("/s/{share_id}/archive", **ABSENT),
    "list_upload_links": Case("/api/v1/upload-links?limit=200", 200, other=200, is_list=True),
    "create_upload_link": Case(
        "/api/v1/upload-links", 201, sent={"json": {"collection_id": "{collection_id}"}}
    ),
    "get_upload_link": Case(LINK, 200),
    "edit_upload_link": Case(LINK, 200, sent={"json": {"max_files": 5}}),
    "delete_upload_link": Case(LINK, 204),
    "get_guest_link": Case("/api/v1/guest/{link_id}", **ABSENT),
    "upload_as_guest": Case("/api/v1/guest/{link_id}/images", **ABSENT, sent=UPLOAD),
    # Its answer has no end; what whom is told is in test_events.py.
    "stream_events": Case("/api/v1/events?types=none", 400, other=400),
    "list_jobs": Case("/api/v1/jobs?limit=200", 200, other=200, is_list=True),
    "create_archive": Case(
        "/api/v1/archives", 201, sent={"json": {"ids": ["{image_id}"]}}
    ),
    "create_archive/search": Case(
        "/api/v1/archives", 201, other=400, admin=201, sent={"json": {"q": SECRET}}
    ),
    "get_archive": Case("/api/v1/archives/{archive_id}", 200, admin=404),
    "list_searches": Case("/api/v1/searches", 200, other=200, is_list=True),
    "create_search": Case("/api/v1/searches", 201, 201, sent={"json": {"name": "x", "q": "x"}}),
    "get_search": Case(SEARCH, 200, admin=404),
    "edit_search": Case(SEARCH, 200, admin=404, sent={"json": {"name": "x"}}),
    "delete_search": Case(SEARCH, 204, admin=404),
    "list_sources": Case("/api/v1/sources", 403, other=403, admin=200),
    "create_source": Case(
        "/api/v1/sources", 403, other=403, admin=400,
        sent={"json": {"kind": "folder", "address": "/"}},
    ),
    "get_source": Case(SOURCE, 403, other=403, admin=404),
    "edit_source": Case(SOURCE, 403, other=403, admin=404, sent={"json": {}}),
    "scan_source": Case(f"{SOURCE}/actions/scan", 403, other=403, admin=404),
    "delete_source": Case(SOURCE, 403, other=403, admin=404),
    "summarize_jobs": Case("/api/v1/jobs/summary", 200, other=200, is_list=True),
    "summarize_jobs/owner": Case("/api/v1/jobs/summary?owner={user_id}", 200, other=403),
    "retry_jobs": Case(
        "/api/v1/jobs/actions/retry", 200, other=200, sent={"json": {"ids": ["{job_id}"]}}
    ),
    "retry_jobs/owner": Case(
        "/api/v1/jobs/actions/retry", 200, other=403,
        sent={"json": {"status": "cancelled", "owner": "{user_id}"}},
    ),
    "list_settings": Case("/api/v1/settings", 403, 403, admin=200),
    "get_statistics": Case("/api/v1/statistics", 403, 403, admin=200),
    "purge_many_variants": Case(
        "/api/v1/variants/actions/purge", 403, 403, admin=200, sent={"json": {"q": SECRET}}
    ),
    "get_job": Case(JOB, 200),
    "cancel_job": Case(JOB, 204),
    "retry_job": Case(f"{JOB}/retry", 409),
    "list_webhooks": Case("/api/v1/webhooks?limit=200", 200, other=200, is_list=True),
    "create_webhook": Case("/api/v1/webhooks", 400, 400, sent={"json": {}}),
    "get_webhook": Case(HOOK, 200),
    "edit_webhook": Case(HOOK, 200, sent={"json": {"is_enabled": False}}),
    "delete_webhook": Case(HOOK, 204),
    "renew_webhook_secret": Case(f"{HOOK}/secret", 200),
    "list_webhook_deliveries": Case(f"{HOOK}/deliveries", 200),
    "replay_webhook_delivery": Case(f"{HOOK}/deliveries/{{image_id}}/replay", 404),
    "test_webhook": Case(f"{HOOK}/test", 202),
    "create_token": Case("/api/v1/auth/token", 400, 400, 400, sent={"json": {}}),
    "revoke_token": Case("/api/v1/auth/revoke", **OPEN, sent={"json": {"token": "x"}}),
    "get_me": Case("/api/v1/users/me", 200, other=200, is_list=True),
    "list_users": Case("/api/v1/users", 403, other=403, admin=200),
    "create_user": Case("/api/v1/users", 403, other=403, admin=400, sent={"json": {}}),
    "get_user": Case(USER, 200),
    "update_user": Case(USER, 200, sent={"json": {}}),
    "delete_user": Case(USER, 403, other=403, admin=409),
    "list_api_keys": Case("/api/v1/api-keys?user={user_id}", 200),
    "create_api_key": Case(
        "/api/v1/api-keys", 201,
        sent={"json": {"name": SECRET, "scopes": ["read"], "user_id": "{user_id}"}},
    ),
    "delete_api_key": Case("/api/v1/api-keys/{key_id}", 204),
    "create_session": Case("/api/v1/session", 400, 400, 400, sent={"json": {}}),
    "get_session": Case("/api/v1/session", 200, other=200, is_list=True),
    "delete_session": Case("/api/v1/session", 204, other=204, stranger=204),
    "start_oidc": Case("/auth/oidc/start", 404, stranger=404),
    "finish_oidc": Case("/auth/oidc/callback", 404, stranger=404),
    "set_up": Case("/api/v1/setup", 400, 400, 400, sent={"json": {}}),
    "list_sessions": Case("/api/v1/sessions?user={user_id}", 200),
    "revoke_session": Case("/api/v1/sessions/{session_id}", 204),
    "is_alive": Case("/healthz", **OPEN),
    "is_ready": Case("/readyz", **OPEN),
    "get_metrics": Case("/metrics", 403, other=403, admin=200),
    "get_openapi": Case("/api/v1/openapi.json", **OPEN),
    "show_docs": Case("/api/v1/docs", **OPEN),
    "get_docs_asset": Case("/api/v1/docs/page.js", **OPEN),
    "home": Case("/", **OPEN),
    "show_image_page": Case("/view/{image_id}", 404, 404, 404),
    "show_collections_page": Case("/collections", 404, 404, 404),
    "show_collection_page": Case("/collections/{collection_id}", 404, 404, 404),
    "show_shares_page": Case("/shares", 404, 404, 404),
    "show_trash_page": Case("/trash", 404, 404, 404),
    "show_builder_page": Case("/build/{image_id}", 404, 404, 404),
    "show_login_page": Case("/login", 404, 404, 404),
    "log_out_by_page": Case("/logout", 404, 404, 404),
    "show_setup_page": Case("/setup", 404, 404, 404),
    "show_account_page": Case("/account", 404, 404, 404),
    "show_admin_page": Case("/admin", 404, 404, 404),
    "show_share_page": Case("/s/{share_id}", **ABSENT),
    "show_guest_page": Case("/g/{link_id}", **ABSENT),
    "get_manifest": Case("/manifest.webmanifest", **OPEN),
    "get_service_worker": Case("/service-worker.js", **OPEN),
    "receive_share": Case("/share-target", 303, 303, 303),
    "get_asset": Case("/assets/x/css/base.css", **OPEN),
}  # fmt: skip


METHODS = {operation.name: operation.method for operation in OPERATIONS}


@pytest.fixture(scope="module")
def ada(guarded: Server, admin: Account) -> Account:
    """The owner."""
    return make_user(guarded, admin, "ada", password=PASSWORD)


@pytest.fixture(scope="module")
def bob(guarded: Server, admin: Account) -> Account:
    """Another user, with all scopes of users."""
    return make_user(guarded, admin, "bob")


@pytest.fixture(scope="module")
def stranger(guarded: Server) -> httpx2.Client:
    """A client without a credential."""
    return client_of(guarded)


class MakeThings(Protocol):
    """Makes private data of Ada: equal bytes each time, and texts with the secret."""

    def __call__(self, names: Collection[str]) -> Things:
        """What is named, with what it needs; other ids are empty."""
        ...


NEED_AN_IMAGE = {"image_id", "job_id", "collection_id", "share_id", "archive_id"}
"""A collection has one, so that it is not empty."""


@pytest.fixture(scope="module")
def make_things(guarded: Server, ada: Account, bob: Account) -> MakeThings:
    """Makes it one by one: each upload is decoded."""
    path, private = "/api/v1/collections", {"title": "x", "visibility": "private"}
    bobs_id = bob.client.post(path, json=private).json()["id"]

    def posted(path: str, **body: Any) -> str:
        answer = ada.client.post(f"/api/v1/{path}", json=body)
        assert answer.status_code == 201, answer.text
        made: str = answer.json()["id"]
        return made

    def room(path: str, kept: int) -> str:
        for old in ada.client.get(f"/api/v1/{path}").json()["data"][kept:]:
            ada.client.delete(f"/api/v1/{path}/{old['id']}")
        return path

    def session() -> str:
        answer = client_of(guarded).post(
            "/api/v1/session",
            json={"name": "ada", "password": PASSWORD},
            headers={"user-agent": SECRET},
        )
        session_id: str = answer.json()["session"]["id"]
        return session_id

    def image_in(collection_id: str) -> dict[str, Any]:
        fields = {
            "visibility": "private", "title": SECRET, "tags": SECRET, "description": SECRET,
            "collection_id": collection_id,
        }  # fmt: skip
        files = {"file": (f"{SECRET}.jpg", picture(7))}
        made = ada.client.post("/api/v1/images", files=files, data=fields)
        assert made.status_code == 201, made.text
        image: dict[str, Any] = made.json()
        return image

    def ended(job_id: str) -> str:
        job = f"/api/v1/jobs/{job_id}"
        until(lambda: ada.client.get(job).json()["status"] == "succeeded")
        return job_id

    def make(names: Collection[str]) -> Things:
        collection_id = posted("collections", visibility="private", title=SECRET)
        needs_image = bool(NEED_AN_IMAGE & set(names))
        image: dict[str, Any] = image_in(collection_id) if needs_image else {"id": ""}
        shared = {"image_id": image["id"], "title": SECRET, "password": SECRET}
        others: dict[str, Callable[[], str]] = {
            "job_id": lambda: ended(image["job"]["id"]),
            "key_id": lambda: posted("api-keys", name=SECRET, scopes=["read"]),
            "webhook_id": lambda: posted(room("webhooks", 5), url=f"http://127.0.0.1:9/{SECRET}"),
            "session_id": session,
            "share_id": lambda: posted("shares", **shared),
            "archive_id": lambda: posted("archives", ids=[image["id"]]),
            "search_id": lambda: posted(room("searches", 20), name=SECRET, q=SECRET),
            "link_id": lambda: posted("upload-links", collection_id=collection_id, title=SECRET),
        }
        return Things(
            image_id=image["id"], user_id=ada.id, collection_id=collection_id, bobs_id=bobs_id,
            **{name: other() if name in names else "" for name, other in others.items()},
        )  # fmt: skip

    return make


@pytest.fixture(scope="module")
def things(make_things: MakeThings) -> Things:
    """Data that other users must not find; no permitted request changes it."""
    return make_things(Things.__slots__)


def ask(client: httpx2.Client, method: str, case: Case, things: Things) -> httpx2.Response:
    """Send the request of a case."""
    named = {name: getattr(things, name) for name in Things.__slots__}

    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: filled(item) for key, item in value.items()}
        if isinstance(value, list):
            return [filled(item) for item in value]
        return value.format(**named) if isinstance(value, str) else value

    return client.request(method, case.path.format(**named), **filled(case.sent))


def assert_tells_nothing(answer: httpx2.Response, case: Case, things: Things) -> None:
    """The response has no data of Ada, except the id that was in the request."""
    told = answer.text + str(answer.headers.multi_items())
    ids = [
        things.image_id, things.job_id, things.user_id, things.key_id, things.collection_id,
        things.session_id, things.share_id, things.link_id,
    ]  # fmt: skip
    hidden = [SECRET, *(ids if case.is_list else [])]
    assert [word for word in hidden if word in told] == []
    assert case.other >= 400 or not answer.headers.get("content-type", "").startswith("image/")


def seen_by(ada: Account, things: Things) -> list[Any]:
    """Ada's view of her data."""
    named = {name: getattr(things, name) for name in Things.__slots__}
    paths = (IMAGE, JOB, f"{IMAGE}/variants", COLLECTION, f"{COLLECTION}{MEMBERS}", SHARE)
    return [ada.client.get(path.format(**named)).json() for path in paths]


def test_every_operation_declares_the_answer_for_other_users() -> None:
    """A new operation without a row here is an untested leak."""
    assert set(METHODS) == {name.partition("/")[0] for name in EXPECTED}


@pytest.mark.parametrize("name", EXPECTED)
def test_other_users_find_no_private_data(
    stranger: httpx2.Client, bob: Account, things: Things, name: str
) -> None:
    """This holds for bodies and headers, users and strangers, GET and HEAD."""
    case, method = EXPECTED[name], METHODS[name.partition("/")[0]]

    for client, status in ((bob.client, case.other), (stranger, case.stranger)):
        answer = ask(client, method, case, things)
        assert answer.status_code == status, answer.text
        assert_tells_nothing(answer, case, things)
        if method == "GET":
            head = ask(client, "HEAD", case, things)
            assert (head.status_code, head.content) == (status, b"")
            assert_tells_nothing(head, Case(case.path, 0), things) if status >= 400 else None


CHANGING = [name for name in EXPECTED if METHODS[name.partition("/")[0]] != "GET"]


def test_no_refused_request_has_an_effect(ada: Account, bob: Account, things: Things) -> None:
    """A 404 must not delete data."""
    before = seen_by(ada, things)

    for name in CHANGING:
        ask(bob.client, METHODS[name.partition("/")[0]], EXPECTED[name], things)

    assert seen_by(ada, things) == before


@pytest.mark.breadth
@pytest.mark.parametrize("name", CHANGING)
def test_refused_requests_have_no_effect(
    ada: Account, bob: Account, things: Things, name: str
) -> None:
    """The same, one by one."""
    case = EXPECTED[name]
    before = seen_by(ada, things)

    ask(bob.client, METHODS[name.partition("/")[0]], case, things)

    assert seen_by(ada, things) == before


@pytest.mark.parametrize("who", represented(("owner", "admin"), "owner"))
@pytest.mark.parametrize("name", EXPECTED)
def test_owner_and_admin_are_served(
    ada: Account,
    admin: Account,
    things: Things,
    make_things: MakeThings,
    *,
    name: str,
    who: str,
) -> None:
    """Without it, the rows above would prove nothing."""
    case = EXPECTED[name]
    client = ada.client if who == "owner" else admin.client
    status = case.owner if who == "owner" or case.admin is None else case.admin

    method = METHODS[name.partition("/")[0]]
    names = [name for name in Things.__slots__ if f"{{{name}}}" in f"{case.path} {case.sent}"]
    # Others have deleted the first, since only some are kept.
    is_kept = method == "GET" and not {"webhook_id", "archive_id", "search_id"} & set(names)

    answer = ask(client, method, case, things if is_kept or not names else make_things(names))

    assert answer.status_code == status, answer.text


PICTURES = ("/images/{}?w=50", "/images/{}/thumbnail", "/blurred-images/{}", "/images/{}")


@pytest.mark.parametrize("path", represented(PICTURES, "/images/{}?w=50", "/images/{}"))
def test_memory_leaks_nothing_private(
    stranger: httpx2.Client, ada: Account, bob: Account, make_things: MakeThings, path: str
) -> None:
    """The owner has loaded the variant into memory, under a key that others' images share."""
    image_id = make_things(["image_id"]).image_id
    public = bob.client.post("/images", content=picture(7)).json()["id"]
    for _ in range(3):
        mine = ada.client.get(path.format(image_id))
        theirs = stranger.get(path.format(public))

    assert mine.status_code == theirs.status_code == 200
    assert mine.content == theirs.content
    assert mine.headers["cache-control"] == "private, no-cache"
    etag = mine.headers["etag"]
    for client in (bob.client, stranger):
        for headers in ({}, {"if-none-match": etag}, {"range": "bytes=0-9"}, {"if-match": etag}):
            for method in ("GET", "HEAD"):
                answer = client.request(method, path.format(image_id), headers=headers)
                assert answer.status_code == 404
                assert "etag" not in answer.headers
    assert ada.client.get(path.format(image_id)).status_code == 200
    assert stranger.get(path.format(public)).status_code == 200


@pytest.mark.parametrize("path", represented(PICTURES, "/images/{}?w=50", "/images/{}"))
def test_an_image_made_private_is_removed_from_memory(
    stranger: httpx2.Client, ada: Account, bob: Account, path: str
) -> None:
    """It is removed immediately from memory, and comes back when it is public again."""
    image_id = ada.client.post("/images", content=picture(8)).json()["id"]
    url = path.format(image_id)
    etag = [stranger.get(url).headers["etag"] for _ in range(3)][-1]

    for visibility, status in (("private", 404), ("unlisted", 200), ("private", 404)):
        edit = ada.client.patch(f"/api/v1/images/{image_id}", json={"visibility": visibility})
        assert edit.status_code == 200
        for client in (bob.client, stranger):
            for _ in range(3):
                assert client.get(url).status_code == status
                conditional = client.get(url, headers={"if-none-match": etag})
                assert conditional.status_code == (304 if status == 200 else 404)
        assert ada.client.get(url).status_code == 200


def test_concurrent_requesters_get_separate_answers(
    guarded: Server, ada: Account, make_things: MakeThings
) -> None:
    """A concurrent request for the same URL does not get the other requester's response."""
    image_id = make_things(["image_id"]).image_id
    clients = [client_of(guarded, ada.key), client_of(guarded)] * 4
    with ThreadPoolExecutor(len(clients)) as threads:
        for width in range(60, 66):
            url = f"/images/{image_id}?w={width}&blur=9"
            answers = list(threads.map(lambda client, url=url: client.get(url), clients))

            assert [answer.status_code for answer in answers] == [200, 404] * 4


def test_a_private_image_is_answered_like_an_absent_one(
    guarded: Server, bob: Account, things: Things
) -> None:
    """This also holds for responses to invalid credentials."""
    none = "01900000-0000-7000-8000-000000000000"
    for client in (bob.client, client_of(guarded), client_of(guarded, "isk_not-valid")):
        for path in (*PICTURES, "/api/v1/images/{}"):
            private, absent = (client.get(path.format(id_)) for id_ in (things.image_id, none))
            assert private.status_code == absent.status_code
            assert private.status_code in {401, 404}


def test_an_owner_without_the_read_scope_is_forbidden(
    guarded: Server, ada: Account, admin: Account, things: Things
) -> None:
    """A leaked key for uploads cannot read the uploaded images."""
    body = {"name": "camera", "scopes": ["upload"]}
    client = client_of(guarded, ada.client.post("/api/v1/api-keys", json=body).json()["key"])

    for path in PICTURES:
        assert client.get(path.format(things.image_id)).status_code == 403


@pytest.mark.parametrize("query", ["", "w=40"])
def test_a_signed_url_of_a_private_image_opens_it_until_it_ends(
    guarded: Server, stranger: httpx2.Client, things: Things, query: str
) -> None:
    """A URL without expiry would be a key that cannot be revoked."""
    url = f"/images/{things.image_id}" + (f"?{query}" if query else "")
    ends = guarded.cli("sign", url, "--expires-in", "1h").stdout.strip()
    endless = guarded.cli("sign", url).stdout.strip()

    answers = [stranger.get(ends) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200] * 3
    assert {answer.headers["cache-control"] for answer in answers} == {"private, no-cache"}
    assert stranger.get(endless).status_code == 404
    assert stranger.get(url).status_code == 404
