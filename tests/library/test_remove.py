"""Deleting an image, alone and in a race with what is made of it (invariant 6)."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import httpx2
import pytest

from tests.conftest import MakeServer
from tests.crash.pictures import jpeg, large, marked
from tests.crash.traffic import WIDE, rows
from tests.server import Server, new_client
from tests.waiting import PATIENCE, until
from tests.workers.processes import busy

SLOW = "format=avif&w=3000"


@functools.cache
def _big() -> bytes:
    return large(1, 4000, 3000)


def big(number: int) -> bytes:
    """A picture whose rendering takes a while; other bytes for each number."""
    return marked(_big(), number)


@pytest.fixture(scope="module")
def busy_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose uploads make no variants."""
    place = tmp_path_factory.mktemp("busy") / "data"
    server = Server(place, workers=2, eager_presets="[]").start()
    yield server
    server.close()


def urls(image_id: str) -> list[str]:
    """Every kind of URL that an image has."""
    return [
        f"/images/{image_id}",
        f"/images/{image_id}?w=64",
        f"/images/{image_id}/thumbnail",
        f"/images/{image_id}/preview",
        f"/blurred-images/{image_id}",
        f"/api/v1/images/{image_id}",
        f"/api/v1/images/{image_id}/variants",
    ]


def variant_files(server: Server) -> set[str]:
    """The keys of the variants on disk."""
    return {path.name for path in (server.data_dir / "variants").rglob("*") if path.is_file()}


def test_deleting_removes_every_trace(make_server: MakeServer) -> None:
    """Row, blob, variants on disk and in memory are removed, and stay so after a restart."""
    server = make_server(workers=1)
    image = server.upload(WIDE)
    server.finished(image["job"]["id"])
    for _ in range(2):  # the second time from memory
        assert {server.client.get(url).status_code for url in urls(image["id"])} == {200}

    assert server.client.delete(f"/api/v1/images/{image['id']}").status_code == 204

    assert {server.client.get(url).status_code for url in urls(image["id"])} == {404}
    assert server.client.get(f"/api/v1/jobs/{image['job']['id']}").status_code == 404
    assert server.blobs() == set()
    assert variant_files(server) == set()
    assert rows(server.data_dir, "SELECT key FROM variants") == set()
    server.kill()
    server.start()
    assert {server.client.get(url).status_code for url in urls(image["id"])} == {404}


def test_a_shared_blob_stays_until_its_last_image_is_deleted(make_server: MakeServer) -> None:
    """Two users uploaded the same bytes; one deletes the image."""
    server = make_server(workers=1)
    first, second = server.upload(WIDE), server.upload(WIDE)
    for image in (first, second):
        server.finished(image["job"]["id"])
        assert {server.client.get(url).status_code for url in urls(image["id"])} == {200}

    server.client.delete(f"/api/v1/images/{first['id']}")

    assert {server.client.get(url).status_code for url in urls(first["id"])} == {404}
    assert {server.client.get(url).status_code for url in urls(second["id"])} == {200}
    server.client.delete(f"/api/v1/images/{second['id']}")
    assert server.blobs() == set()
    assert variant_files(server) == set()


def test_a_variant_rendered_across_its_deletion_is_not_served_afterwards(
    busy_server: Server,
) -> None:
    """The bytes are shared, so the rendering continues; the deleted image's URL is gone."""
    server = busy_server
    deleted, kept = server.upload(big(1)), server.upload(big(1))
    url = f"/images/{deleted['id']}?{SLOW}"

    with asked(server, url):
        assert server.client.delete(f"/api/v1/images/{deleted['id']}").status_code == 204

    assert server.client.get(url).status_code == 404
    assert server.client.get(f"/images/{kept['id']}?{SLOW}").status_code == 200


def test_bytes_uploaded_again_do_not_wait_for_the_rendering_of_the_deleted_image(
    busy_server: Server,
) -> None:
    """That rendering ends with an error that does not apply to the new image."""
    server = busy_server
    deleted = server.upload(big(2))

    with asked(server, f"/images/{deleted['id']}?{SLOW}") as answer:
        server.client.delete(f"/api/v1/images/{deleted['id']}")
        again = server.upload(big(2))
        assert server.client.get(f"/images/{again['id']}?{SLOW}").status_code == 200

    assert answer.result().status_code == 404
    assert server.client.get(f"/images/{deleted['id']}?{SLOW}").status_code == 404


def test_purging_variants_while_one_is_rendered_fails_nobody(busy_server: Server) -> None:
    """The image still exists; only its variants are removed."""
    server = busy_server
    image = server.upload(big(3))

    with asked(server, f"/images/{image['id']}?{SLOW}") as answer:
        assert server.client.delete(f"/api/v1/images/{image['id']}/variants").status_code == 200

    assert answer.result().status_code == 200


def test_deletes_racing_with_renderings_leave_nothing(make_server: MakeServer) -> None:
    """Eight images are deleted at different moments of their jobs and of four requesters."""
    server = make_server(workers=2)
    base = f"http://127.0.0.1:{server.port}"
    with ThreadPoolExecutor(4) as executor, new_client(base_url=base) as client:
        for number in range(8):
            image_id = server.upload(marked(WIDE, number))["id"]
            asked_urls = [f"/images/{image_id}?w={width}" for width in (50, 60, 70, 80)]
            answers = [executor.submit(client.get, url) for url in asked_urls]
            time.sleep(number * 0.008)
            assert client.delete(f"/api/v1/images/{image_id}").status_code == 204
            assert {answer.result().status_code for answer in answers} <= {200, 404}
            everything = [*urls(image_id), *asked_urls]
            assert {client.get(url).status_code for url in everything} == {404}

    until(lambda: not server.blobs() and not rows(server.data_dir, "SELECT key FROM variants"))
    assert server.cli("gc", "--grace", "0s").returncode == 0
    assert variant_files(server) == set()
    assert server.upload(jpeg(1))["status"] == "pending"


class asked:  # noqa: N801  # reads as a verb: with asked(server, url)
    """A request in another thread during the context; it has a response at its end."""

    def __init__(self, server: Server, url: str) -> None:
        self._executor = ThreadPoolExecutor(1)
        address = f"http://127.0.0.1:{server.port}{url}"
        self._server = server
        self._answer = self._executor.submit(httpx2.get, address, timeout=PATIENCE)

    def __enter__(self) -> Future[httpx2.Response]:
        busy(self._server)
        assert not self._answer.done(), "the rendering is too fast to race with"
        return self._answer

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown(wait=True)
