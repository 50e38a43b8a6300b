"""Pages of other sites: responses that scripts may read, requests they may send, and embedding."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from tests.accounts import Account, admin_of
from tests.conftest import MakeServer
from tests.http.asking import RawAnswer, assert_problem, connected, picture, read_raw, send_raw
from tests.server import Server

pytestmark = pytest.mark.joint

APP, OTHER, EVIL = "https://app.example", "http://localhost.example:5173", "https://evil.example"
ORIGINS = f'["{APP}", "{OTHER}"]'
ASKED_FOR = {
    "authorization", "x-api-key", "idempotency-key", "content-type", "range", "if-none-match",
    "if-match", "if-modified-since", "if-unmodified-since", "x-requested-with", "cache-control",
}  # fmt: skip
EXPOSED = {
    "etag", "location", "link", "retry-after", "x-request-id", "ratelimit-remaining",
    "content-length", "content-disposition", "content-range", "idempotent-replayed",
}  # fmt: skip


def allowed(answer: httpx2.Response) -> str | None:
    """The origin that may read a response; checks the fields of a response without it."""
    origin = answer.headers.get_list("access-control-allow-origin")
    assert len(origin) <= 1
    assert "access-control-allow-credentials" not in answer.headers
    if not origin:
        assert not [name for name in answer.headers if name.startswith("access-control")]
        return None
    return origin[0]


def varies(answer: httpx2.Response) -> bool:
    return "origin" in answer.headers.get("vary", "").lower()


def names(field: str) -> set[str]:
    return {name.strip().lower() for name in field.split(",")}


def preflight(
    client: httpx2.Client, path: str, origin: str = APP, method: str = "GET"
) -> httpx2.Response:
    fields = {"origin": origin, "access-control-request-method": method}
    return client.options(path, headers=fields)


@pytest.fixture(scope="module")
def listing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with accounts and two allowed origins."""
    place = tmp_path_factory.mktemp("listing") / "data"
    server = Server(
        place, auth="required", default_visibility="public", cors_origins=ORIGINS, workers=1
    ).start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def owner(listing: Server) -> Account:
    """The admin of the server."""
    return admin_of(listing)


@pytest.fixture(scope="module")
def url(owner: Account) -> str:
    """A variant in memory."""
    image = owner.client.post("/api/v1/images", content=picture(1)).json()
    url = f"{image['urls']['original']}?w=50"
    for _ in range(3):
        assert owner.client.get(url).status_code == 200
    return url


def test_it_is_off_by_default(server: Server) -> None:
    """Pages of other sites read nothing, and no cache keeps one response for each origin."""
    image = server.upload(picture(2))

    for path in ("/api/v1/images", image["urls"]["original"], "/no-such"):
        answer = server.client.get(path, headers={"origin": APP})
        assert allowed(answer) is None
        assert not varies(answer)
    assert allowed(preflight(server.client, "/api/v1/images")) is None


@pytest.mark.parametrize("origin", [APP, OTHER, "HTTPS://APP.EXAMPLE"])
def test_an_allowed_origin_reads_every_answer(
    listing: Server, owner: Account, url: str, origin: str
) -> None:
    """Responses from memory, from the disk, of the API, and errors."""
    paths = {url: 200, url.partition("?")[0]: 200, "/api/v1/images": 200, "/healthz": 200,
             "/no-such": 404, f"{url}&h=x": 400, f"{url.partition('?')[0]}/": 308}  # fmt: skip
    for path, status in paths.items():
        answer = owner.client.get(path, headers={"origin": origin})
        assert answer.status_code == status
        assert allowed(answer) == origin
        assert varies(answer)
        assert names(answer.headers["access-control-expose-headers"]) >= EXPOSED
    stranger = listing.client.get("/api/v1/images", headers={"origin": origin})
    assert_problem(stranger, 401, "unauthorized")
    assert allowed(stranger) == origin


def test_a_304_and_a_range_are_read_as_well(listing: Server, url: str) -> None:
    """A browser replaces the fields that it has by those of the 304."""
    etag = listing.client.get(url).headers["etag"]

    for field, status in ({"if-none-match": etag}, 304), ({"range": "bytes=0-9"}, 206):
        answer = listing.client.get(url, headers={"origin": APP, **field})
        assert (answer.status_code, allowed(answer)) == (status, APP)


@pytest.mark.parametrize(
    "origin",
    [EVIL, "null", "http://app.example", f"{APP}:444", f"{APP}.evil.example", f"{APP}, {APP}", "*"],
)
def test_other_origins_read_nothing(listing: Server, url: str, origin: str) -> None:
    """The response still varies by origin, for the caches on the way."""
    for path in (url, "/api/v1/images", "/no-such"):
        answer = listing.client.get(path, headers={"origin": origin})
        assert allowed(answer) is None
        assert varies(answer)
        assert varies(listing.client.get(path))
        assert allowed(preflight(listing.client, path, origin)) is None


def test_two_origins_are_ignored(listing: Server, url: str) -> None:
    """The same holds for every field that may appear once."""
    head = f"GET {url} HTTP/1.1\r\nHost: a\r\nOrigin: {EVIL}\r\nOrigin: {APP}\r\n\r\n"

    answer = send_raw(listing, head.encode())

    assert answer is not None
    assert answer.all("access-control-allow-origin") == []


@pytest.mark.parametrize("path", ["/api/v1/images", "/images", "/images/x", "/uploads/x", "/nil"])
def test_a_preflight_names_methods_and_fields(listing: Server, path: str) -> None:
    """It needs no credential, and is logged like any request."""
    answer = preflight(listing.client, path, method="PUT")

    assert (answer.status_code, answer.content) == (204, b"")
    assert allowed(answer) == APP
    assert {"get", "put", "patch", "delete"} <= names(
        answer.headers["access-control-allow-methods"]
    )
    assert names(answer.headers["access-control-allow-headers"]) >= ASKED_FOR
    assert int(answer.headers["access-control-max-age"]) > 0
    assert varies(answer)
    assert answer.headers["x-request-id"]


def test_refusals_before_the_request_are_read_as_well(listing: Server) -> None:
    """A page whose URL is too long can read the error."""
    head = f"GET /{'x' * 40_000} HTTP/1.1\r\nHost: a\r\nOrigin: {APP}\r\n\r\n"

    answer = send_raw(listing, head.encode())

    assert answer is not None
    assert (answer.status, answer.all("access-control-allow-origin")) == (414, [APP])


def test_the_fields_at_once_are_those_of_the_application(listing: Server, url: str) -> None:
    """The inline response, and the one that closes the connection, have them."""

    def ask(more: str) -> RawAnswer:
        head = f"GET {url} HTTP/1.1\r\nHost: a\r\nOrigin: {APP}\r\n{more}\r\n"
        with connected(listing) as connection:
            connection.sendall(head.encode())
            answer = read_raw(connection)
        assert answer is not None
        return answer

    first, second = ask(""), ask("Connection: close\r\n")

    differ = {"date", "x-request-id", "connection", "server-timing"}
    kept = [
        [item for item in answer.headers if item[0] not in differ] for answer in (first, second)
    ]
    assert kept[0] == kept[1]


@pytest.mark.parametrize(
    ("visibility", "policy"),
    [("public", "cross-origin"), ("unlisted", "cross-origin"), ("private", "same-site")],
)
def test_what_other_pages_may_embed(owner: Account, visibility: str, policy: str) -> None:
    """`<img>` works on every page, including isolated pages (COEP)."""
    params = {"visibility": visibility}
    image = owner.client.post("/api/v1/images", content=picture(3), params=params).json()

    for path in (image["urls"]["original"], image["urls"]["thumbnail"]):
        answer = owner.client.get(path)
        assert answer.headers["cross-origin-resource-policy"] == policy


def test_every_origin_with_accounts(make_server: MakeServer) -> None:
    """A key protects the API; responses are the same for all origins, so they do not vary."""
    server = make_server(auth="required", cors_origins='["*"]')
    admin = admin_of(server)

    answers = [
        admin.client.get("/api/v1/images", headers={"origin": EVIL}),
        server.client.get("/images/x"),
        preflight(server.client, "/api/v1/images", EVIL, "DELETE"),
    ]

    assert [allowed(answer) for answer in answers] == ["*", "*", "*"]
    assert not varies(answers[0])


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server without accounts whose pictures every page may read, with one named origin."""
    place = tmp_path_factory.mktemp("local") / "data"
    server = Server(place, auth="off", cors_origins=f'["*", "{APP}"]', workers=1).start()
    yield server
    server.close()


def test_without_accounts_any_page_reads_only_pictures(local: Server) -> None:
    """It reads neither lists nor metadata, and no private images."""
    image = local.upload(picture(4))
    private = local.upload(picture(5), visibility="private")
    origin = {"origin": EVIL}

    assert allowed(local.client.get(image["urls"]["original"], headers=origin)) == "*"
    assert allowed(local.client.get(image["urls"]["thumbnail"], headers=origin)) == "*"
    for path in ("/api/v1/images", f"/api/v1/images/{image['id']}", "/metrics", "/",
                 private["urls"]["original"], private["urls"]["thumbnail"]):  # fmt: skip
        assert allowed(local.client.get(path, headers=origin)) is None
    for method in ("POST", "PUT", "DELETE"):
        assert allowed(preflight(local.client, image["urls"]["original"], EVIL, method)) is None
        assert allowed(preflight(local.client, "/api/v1/images", EVIL, method)) is None


@pytest.mark.parametrize("origin", [EVIL, "null"])
def test_without_accounts_any_page_changes_nothing(local: Server, origin: str) -> None:
    """`*` permits reading pictures only."""
    image = local.upload(picture(6))
    path = f"/api/v1/images/{image['id']}"

    answers = [
        local.client.request(method, path, headers={"origin": origin})
        for method in ("DELETE", "PATCH")
    ]
    answers.append(local.client.post("/images", content=picture(7), headers={"origin": origin}))

    for answer in answers:
        assert_problem(answer, 403, "forbidden")
        assert allowed(answer) is None
    assert local.client.get(path).status_code == 200


def test_without_accounts_a_named_origin_may_do_everything(local: Server) -> None:
    """The operator has named it."""
    origin = {"origin": APP, "sec-fetch-site": "cross-site"}

    made = local.client.post("/images", content=picture(8), headers=origin)
    deleted = local.client.delete(f"/api/v1/images/{made.json()['id']}", headers=origin)

    assert (made.status_code, deleted.status_code) == (201, 204)
    assert allowed(made) == allowed(deleted) == APP


def test_without_accounts_the_host_is_still_checked(local: Server) -> None:
    """An allowed origin is not a name of this machine, and a name that resolves here is refused."""
    fields = {"origin": APP, "host": "app.example"}

    answer = local.client.get("/api/v1/images", headers=fields)

    assert_problem(answer, 403, "forbidden")
