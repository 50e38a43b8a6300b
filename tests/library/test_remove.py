"""Deleting an image, alone and in a race with what is made of it (invariant 6)."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import MakeServer
from tests.crash.pictures import jpeg, marked
from tests.crash.traffic import WIDE, rows
from tests.server import Server, new_client
from tests.waiting import until
from tests.workers.processes import stopped_rendering, workers


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose uploads make no variants."""
    place = tmp_path_factory.mktemp("plain") / "data"
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


def uploaded(server: Server, content: bytes) -> str:
    """The id of a new image whose job has ended, so that the workers are idle."""
    image = server.upload(content)
    server.finished(image["job"]["id"])
    image_id: str = image["id"]
    return image_id


def test_a_variant_rendered_across_its_deletion_is_not_served_afterwards(plain: Server) -> None:
    """The bytes are shared, so the rendering continues; the deleted image's URL is gone."""
    deleted, kept = uploaded(plain, jpeg(1)), uploaded(plain, jpeg(1))
    url = f"/images/{deleted}?w=30"

    with stopped_rendering(plain, url):
        assert plain.client.delete(f"/api/v1/images/{deleted}").status_code == 204

    assert plain.client.get(url).status_code == 404
    assert plain.client.get(f"/images/{kept}?w=30").status_code == 200


def test_bytes_uploaded_again_do_not_wait_for_the_rendering_of_the_deleted_image(
    plain: Server,
) -> None:
    """That rendering ends with an error that does not apply to the new image."""
    deleted = uploaded(plain, jpeg(2))
    while len(alive := workers(plain)) > 1:  # the last one is stopped: others are started later
        os.kill(alive.pop(), signal.SIGKILL)
        until(lambda: workers(plain) == alive)

    with stopped_rendering(plain, f"/images/{deleted}?w=30") as answer:
        plain.client.delete(f"/api/v1/images/{deleted}")
        again = plain.upload(jpeg(2))["id"]
        assert plain.client.get(f"/images/{again}?w=30").status_code == 200

    assert answer.result().status_code == 404
    assert plain.client.get(f"/images/{deleted}?w=30").status_code == 404


def test_purging_variants_while_one_is_rendered_fails_nobody(plain: Server) -> None:
    """The image still exists; only its variants are removed."""
    image_id = uploaded(plain, jpeg(3))

    with stopped_rendering(plain, f"/images/{image_id}?w=30") as answer:
        assert plain.client.delete(f"/api/v1/images/{image_id}/variants").status_code == 200

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
