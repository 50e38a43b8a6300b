"""A server before whose bucket the network refuses, hangs, and cuts bodies."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.cluster.storage import Storage
from tests.conftest import EMPTY
from tests.crash.pictures import png
from tests.cut_proxy import CutProxy, cut_proxy
from tests.databases import SECRET
from tests.http.asking import picture
from tests.postgres import Postgres
from tests.radosgw import Radosgw
from tests.server import Server
from tests.waiting import until

pytestmark = pytest.mark.cluster

RECOVERY_SECONDS = 30.0
"""Ten, on a machine that has nothing else to do."""
VARIANT = "variants WHERE transform LIKE '%w={}%'"
"""Its row is written after the response."""


@functools.cache
def large_picture() -> bytes:
    """Sent to the bucket whole, and to clients in several pieces."""
    return png(1, 1500, 1000)


@dataclass(slots=True)
class Node:
    """A server with its bucket behind a proxy."""

    server: Server
    network: CutProxy
    storage: Storage
    hot: str
    """The URL of a variant in its memory."""
    original: str
    """The URL of a large picture, which is nowhere else than in the bucket."""

    def is_ready(self) -> bool:
        """Whether it says so."""
        return self.server.client.get("/readyz").status_code == 200

    def images_and_temporary_files(self) -> tuple[int, list[str]]:
        """What an upload may leave."""
        images = self.server.client.get("/api/v1/images", params={"limit": 100}).json()["data"]
        return len(images), [path.name for path in (self.server.data_dir / "tmp").iterdir()]

    def heal(self) -> None:
        """Let the network work; the server soon does, too."""
        self.network.heal()
        until(self.is_ready, RECOVERY_SECONDS)


@pytest.fixture(scope="module")
def made(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, radosgw: Radosgw
) -> Iterator[Node]:
    """It is ready, and has two images."""
    place: Path = tmp_path_factory.mktemp("node")
    with postgres.copy_of(EMPTY) as url, cut_proxy(radosgw.port) as network:
        blob_url = radosgw.new_url(endpoint=network.address)
        settings: dict[str, Any] = {
            "database_url": url.replace("+psycopg", ""), "secret_key": SECRET, "blob_url": blob_url,
        }  # fmt: skip
        server = Server(place / "data", **settings)
        try:
            server.start()
            small, large = server.upload(picture(1)), server.upload(large_picture(), "a.png")
            for image in (small, large):
                assert server.finished(image["job"]["id"])["status"] == "succeeded"
            hot = f"/images/{small['id']}?w=20"
            until(lambda: is_hot(server.client.get(hot)))
            storage = Storage(place / "beside", settings)
            until(lambda: storage.count(VARIANT.format(20)) == 1)
            yield Node(server, network, storage, hot, f"/images/{large['id']}")
        finally:
            server.close()


@pytest.fixture
def node(made: Node) -> Iterator[Node]:
    """Its network works before each test."""
    yield made
    made.network.heal()


def is_hot(answer: httpx2.Response) -> bool:
    """Whether a variant came from memory."""
    assert answer.status_code == 200, answer.text
    return answer.headers.get("server-timing") == "cache;desc=memory"


def is_refused(answer: httpx2.Response) -> bool:
    """Whether this is a 503 with a problem document, which does not say where the bucket is."""
    assert "127.0.0.1" not in answer.text, answer.text
    return (answer.status_code, answer.headers["content-type"]) == (
        503, "application/problem+json",
    )  # fmt: skip


FAULTS: dict[str, Callable[[CutProxy], None]] = {
    "refuses": CutProxy.refuse,
    "cuts the body": lambda network: network.cut_up_after(len(large_picture()) // 2),
    "cuts the answer": lambda network: network.cut_down_after(10),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_upload_is_made_wholly_or_not_at_all(node: Node, fault: str) -> None:
    """503 and no trace, but an object without a row if only the answer is lost."""
    before = node.images_and_temporary_files()
    content = large_picture() + fault.encode()
    FAULTS[fault](node.network)
    answer = node.server.client.post("/images", content=content)
    assert is_refused(answer), answer.text
    assert is_hot(node.server.client.get(node.hot))
    assert node.images_and_temporary_files() == before

    node.heal()
    assert node.storage.collect().blobs == (fault == "cuts the answer")
    image = node.server.upload(content, "a.png")
    assert node.server.client.get(f"/images/{image['id']}").content == content
    node.server.finished(image["job"]["id"])
    assert node.storage.objects() == node.storage.rows()


def test_what_waits_for_a_bucket_that_hangs_is_refused(node: Node) -> None:
    """An upload that hangs in its body, the original and a new variant; memory is not affected."""
    before = node.images_and_temporary_files()
    client = node.server.client
    node.network.hang_up_after(len(large_picture()) // 2)
    with ThreadPoolExecutor() as pool:
        upload = pool.submit(client.post, "/images", content=large_picture() + b"hang")
        until(lambda: node.network.is_hanging)
        reads = pool.map(client.get, (node.original, f"{node.original}?w=30"))
        assert is_hot(client.get(node.hot))
        assert not upload.done()
        for answer in (upload.result(), *reads):
            assert is_refused(answer), answer.text
    assert is_hot(client.get(node.hot))
    assert node.images_and_temporary_files() == before

    node.heal()
    assert client.get(node.original).content == large_picture()
    assert client.get(f"{node.original}?w=30").status_code == 200
    until(lambda: node.storage.count(VARIANT.format(30)) == 1)
    node.storage.collect()
    assert node.storage.objects() == node.storage.rows()


@pytest.mark.parametrize("fault", [CutProxy.cut_down_after, CutProxy.hang_down_after])
def test_a_delivery_that_is_cut_is_not_taken_for_a_whole_one(
    node: Node, fault: Callable[[CutProxy, int], None]
) -> None:
    """The connection of the client ends before the length that it was told."""
    fault(node.network, len(large_picture()) // 2)
    with node.server.client.stream("GET", node.original) as answer:
        assert (answer.status_code, answer.headers["content-length"]) == (
            200,
            str(len(large_picture())),
        )
        assert is_hot(node.server.client.get(node.hot))
        with pytest.raises(httpx2.TransportError):
            answer.read()

    node.heal()
    assert node.server.client.get(node.original).content == large_picture()
