"""Without accounts, any web page may send requests to the port of this machine; their limits."""

from __future__ import annotations

import httpx2
import pytest

from imagesvc.server.middleware.local_only import FIELDS, PREFIXES, USUAL
from tests.http.asking import assert_problem, picture, send_raw
from tests.server import Server

pytestmark = pytest.mark.joint


def upload(server: Server, **headers: str) -> httpx2.Response:
    """Upload like the form of a page."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return server.client.post("/images", files={"file": ("a.jpg", picture())}, headers=named)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.test"},
        {"origin": "https://evil.test", "sec_fetch_site": "cross-site"},
        {"origin": "null"},
        {"origin": "http://192.0.2.7"},
        {"origin": "http://127.0.0.1.evil.test"},
        {"origin": "http://evil.test", "sec_fetch_site": "same-origin"},
        {"origin": "http://[::1"},
        {"origin": "http://evil.test@127.0.0.1"},
        {"sec_fetch_site": "cross-site"},
    ],
)
def test_a_page_of_another_site_changes_nothing(server: Server, headers: dict[str, str]) -> None:
    """A form on any page can POST to a port of the visitor's machine."""
    assert_problem(upload(server, **headers), 403, "forbidden")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://localhost:5173", "sec_fetch_site": "cross-site"},
        {"origin": "http://127.0.0.1"},
        {"origin": "http://[::1]:3000"},
        {"sec_fetch_site": "same-origin"},
        {"sec_fetch_site": "none"},
    ],
)
def test_programs_and_pages_of_this_machine_may_change_everything(
    server: Server, headers: dict[str, str]
) -> None:
    """`curl` sends none of these fields; a gallery and pages in development send such."""
    assert upload(server, **headers).status_code == 201


@pytest.mark.parametrize("path", ["/api/v1/images/actions/upload-url", "/api/v1/events"])
def test_a_get_that_changes_something_is_checked_as_well(server: Server, path: str) -> None:
    """Any page can use a URL as that of an image, and so exhaust limited resources."""
    for headers in (
        {"sec-fetch-site": "cross-site"},
        {"origin": "https://evil.test"},
        {"origin": "null", "sec-fetch-site": "cross-site"},
    ):
        with server.client.stream("GET", path, headers=headers) as answer:
            answer.read() if answer.status_code == 403 else None
        assert_problem(answer, 403, "forbidden")

    for headers in ({}, {"sec-fetch-site": "same-origin"}, {"origin": "http://localhost:5173"}):
        with server.client.stream("GET", path, headers=headers) as answer:
            assert answer.status_code == 200


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "PUT"])
def test_no_method_that_changes_something_passes(server: Server, method: str) -> None:
    """This includes deletion."""
    image_id = server.upload(picture(1))["id"]
    path = f"/api/v1/images/{image_id}"

    answer = server.client.request(method, path, headers={"origin": "https://evil.test"})

    assert answer.status_code in {403, 405}
    assert server.client.get(path).status_code == 200


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        ("127.0.0.1", True),
        ("localhost:8000", True),
        ("LOCALHOST:8000", True),
        ("dev.localhost", True),
        ("[::1]:8000", True),
        ("192.168.1.9:8000", False),
        ("images.test", False),
        ("evil.test:8000", False),
        ("localhost.evil.test", False),
        ("evillocalhost", False),
        ("127.0.0.1.evil.test", False),
        ("2130706433", False),
        ("", False),
    ],
)
def test_a_foreign_name_for_this_address_is_refused(
    server: Server, host: str, is_ours: bool
) -> None:
    """DNS rebinding: a page of that name could otherwise read all lists of the API."""
    for path in ("/api/v1/images", "/api/v1/jobs", "/metrics", "/", "/readyz", "/nothing"):
        answer = server.client.get(path, headers={"host": host})
        if is_ours:
            assert answer.status_code in {200, 404}
        else:
            document = assert_problem(answer, 403, "forbidden")
            assert "IMAGESVC_AUTH=required" in document["detail"]
            assert answer.headers["x-request-id"]


def test_a_request_without_a_host_is_refused(server: Server) -> None:
    """A proxy may omit it with HTTP/1.0."""
    answer = send_raw(server, b"GET /api/v1/images HTTP/1.0\r\n\r\n")

    assert answer is not None
    assert answer.status in {400, 403}


def test_no_image_is_for_such_names_either(server: Server) -> None:
    """The response does not reveal whether there are images."""
    none = "01900000-0000-7000-8000-000000000000"
    ids = [server.upload(picture(2), visibility=word)["id"] for word in ("private", "public")]

    for image_id in ids:
        assert server.client.get(f"/images/{image_id}").status_code == 200
    for image_id in (*ids, none):
        answer = server.client.get(f"/images/{image_id}", headers={"host": "evil.test"})
        assert answer.status_code == 403


def test_with_accounts_other_sites_need_a_key(guarded: Server) -> None:
    """There are no cookies that a page could misuse."""
    answer = upload(guarded, origin="https://evil.test")
    assert_problem(answer, 401, "unauthorized")


def test_no_field_of_a_proxy_is_among_those_that_are_not_checked() -> None:
    """Fields of browsers are skipped, for speed."""
    assert USUAL.isdisjoint(FIELDS)
    assert [name for name in USUAL if name.startswith(PREFIXES)] == []
