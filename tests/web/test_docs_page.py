"""The page of the API."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import pytest

from imagesvc.web.docs import assets
from tests.chromium import browsed
from tests.http.asking import assert_problem
from tests.server import Server


def test_the_page_and_its_files_come_from_this_server_only(server: Server) -> None:
    """It works in a network without Internet access, and reveals its readers to no one."""
    page = server.client.get("/api/v1/docs")

    assert page.headers["content-type"].startswith("text/html")
    sources = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(sources) == 5
    own = [source for source in sources if source != "data:,"]
    assert all(re.fullmatch("[a-z][a-z./-]+", source) for source in own)  # below any prefix
    for source in own:
        assert server.client.get(urljoin("/api/v1/docs", source)).status_code == 200, source


def test_the_page_may_not_contact_other_servers(server: Server) -> None:
    """Browsers block every request of the vendored script to other servers."""
    for name in assets():
        policy = server.client.get(f"/api/v1/docs/{name}".rstrip("/")).headers[
            "content-security-policy"
        ]
        assert policy.startswith("default-src 'none';")
        assert "connect-src 'self'" in policy
        assert "http" not in policy


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_files_are_equal_with_and_without_gzip(server: Server, encoding: str) -> None:
    """They are not sent again to clients that have them."""
    answer = server.client.get(
        "/api/v1/docs/swagger-ui-bundle.js", headers={"accept-encoding": encoding}
    )
    again = server.client.get(
        "/api/v1/docs/swagger-ui-bundle.js", headers={"if-none-match": answer.headers["etag"]}
    )

    assert answer.headers.get("content-encoding", "identity") == encoding
    assert "SwaggerUIBundle" in answer.text
    assert (again.status_code, again.content) == (304, b"")


def test_other_names_are_not_found(server: Server) -> None:
    """The names are a table, not paths."""
    for name in ("nothing.js", "..%2Fdocs.py", "docs.py", "%00"):
        assert_problem(server.client.get(f"/api/v1/docs/{name}"), 404, "not_found")


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose public URL is not reachable from here."""
    server = Server(
        tmp_path_factory.mktemp("public") / "data",
        workers=1,
        public_url="https://img.example/media",
    ).start()
    yield server
    server.close()


@pytest.mark.breadth
@pytest.mark.parametrize("prefix", ["/media", pytest.param("", marks=pytest.mark.long)])
def test_its_forms_use_the_server_of_the_page(public: Server, tmp_path: Path, prefix: str) -> None:
    """Browsers refuse to send requests to another address."""
    here = f"http://127.0.0.1:{public.port}{prefix}"

    page = browsed(f"{here}/api/v1/docs", tmp_path / "profile", script_seconds=20)

    assert "/api/v1/images/actions/process" in page
    assert re.findall('<option value="(http[^"]*)"', page) == [here]
