"""The pages of links over HTTP: shells that tell nothing of what they lead to."""

from __future__ import annotations

from tests.http.asking import assert_problem, picture
from tests.server import Server
from tests.visitors import link, share
from tests.web.test_pages import HTML, POLICY, data_of, page_of


def test_a_page_of_a_link_tells_nothing_of_it(server: Server) -> None:
    """Another gallery showed the titles of locked albums to programs (CVE-2026-40096)."""
    image_id = server.upload(picture(1), title="Our wedding")["id"]
    body = {"title": "Our party"}
    collection_id = server.client.post("/api/v1/collections", json=body).json()["id"]
    links = [
        share(server.client, image_id=image_id, title="Our wedding", password="x")["url"],
        link(server.client, collection_id=collection_id, title="Our party")["url"],
    ]

    for url in (*links, "/s/nothing", "/g/nothing"):
        page = page_of(server, url)
        assert "Our" not in page.text
        assert "og:" not in page.text
        assert image_id not in page.text
        assert data_of(page)["token"] == url.rpartition("/")[2]
        assert page.headers["content-security-policy"] == POLICY
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["cache-control"] == "no-store"
        assert '<meta name="robots" content="noindex">' in page.text
        assert_problem(server.client.get(url), 404, "not_found")


def test_a_token_in_the_page_is_data(server: Server) -> None:
    """It may contain everything but a slash."""
    answer = server.client.get("/s/%3C%2Fscript%3E%3Cscript%3Ealert(1)", headers=HTML)

    assert "<script>alert" not in answer.text
