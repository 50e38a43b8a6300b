"""Without accounts, any web page may reach the port of this machine; what it may do there."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.http.asking import assert_problem, picture
from tests.server import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server without accounts that a name of the operator's points at."""
    shared = Server(
        tmp_path_factory.mktemp("open") / "data", workers=1, allowed_hosts='["images.test"]'
    ).start()
    yield shared
    shared.close()


def upload(server: Server, **headers: str) -> httpx.Response:
    """Upload as a page's form would."""
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
        {"sec_fetch_site": "cross-site"},
    ],
)
def test_a_page_of_another_site_changes_nothing(server: Server, headers: dict[str, str]) -> None:
    """A form on any page can post to a port of the reader's machine."""
    assert_problem(upload(server, **headers), 403, "forbidden")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://localhost:5173", "sec_fetch_site": "cross-site"},
        {"origin": "http://127.0.0.1"},
        {"origin": "http://[::1]:3000"},
        {"origin": "https://images.test"},
        {"origin": "http://10.0.0.7:8000", "host": "10.0.0.7:8000"},
        {"sec_fetch_site": "same-origin"},
        {"sec_fetch_site": "none"},
    ],
)
def test_programs_and_pages_of_this_machine_change_what_they_like(
    server: Server, headers: dict[str, str]
) -> None:
    """`curl` sends none of these fields; the gallery and what is being developed send such."""
    assert upload(server, **headers).status_code == 201


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "PUT"])
def test_no_method_that_changes_something_passes(server: Server, method: str) -> None:
    """Deleting least of all."""
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
        ("dev.localhost", True),
        ("[::1]:8000", True),
        ("192.168.1.9:8000", True),
        ("images.test", True),
        ("IMAGES.test", True),
        ("evil.test", False),
        ("evil.test:8000", False),
        ("localhost.evil.test", False),
        ("images.test.evil.test", False),
        ("127.0.0.1.evil.test", False),
    ],
)
def test_a_name_that_a_stranger_points_here_opens_nothing(
    server: Server, host: str, is_ours: bool
) -> None:
    """DNS rebinding: a page of that name would read all that the API lists."""
    for path in ("/api/v1/images", "/api/v1/jobs", "/metrics", "/api/v1/api-keys?user=x"):
        answer = server.client.get(path, headers={"host": host})
        if is_ours:
            assert answer.status_code in {200, 400}
        else:
            assert_problem(answer, 403, "forbidden")


def test_private_images_are_not_for_such_names_either(server: Server) -> None:
    """Nor can it be told whether there are any."""
    image_id = server.upload(picture(2), visibility="private")["id"]
    none = "01900000-0000-7000-8000-000000000000"

    assert server.client.get(f"/images/{image_id}").status_code == 200
    for path in (f"/images/{image_id}", f"/images/{none}"):
        assert server.client.get(path, headers={"host": "evil.test"}).status_code == 403


def test_with_accounts_other_sites_need_a_key_like_everybody(guarded: Server) -> None:
    """There are no cookies here that a page could ride on."""
    answer = upload(guarded, origin="https://evil.test")
    assert_problem(answer, 401, "unauthorized")
