"""Mezzanines of two servers and their workers, in one bucket."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import Nodes
from tests.cluster.storage import Storage
from tests.http.asking import picture
from tests.radosgw import Radosgw
from tests.server import Server, Worker
from tests.waiting import until

pytestmark = pytest.mark.cluster
LARGE = (2400, 1600)
OPEN_JOBS = "SELECT count(*) FROM jobs WHERE status IN ('pending', 'processing')"
MEZZANINES = "SELECT mezzanine_name FROM blobs WHERE mezzanine_sha256 IS NOT NULL"


@pytest.fixture
def pair(nodes: Nodes, radosgw: Radosgw) -> tuple[Server, Server]:
    """Both use the bucket."""
    return nodes.pair(blob_url=radosgw.new_url())


@pytest.fixture
def storage(pair: tuple[Server, Server], tmp_path: Path) -> Storage:
    """What rows and objects there are."""
    wanted = ("database_url", "secret_key", "blob_url")
    settings: dict[str, Any] = {name: pair[0].settings[name] for name in wanted}
    return Storage(tmp_path / "beside", settings)


def etag(server: Server, image: dict[str, Any], width: int) -> str:
    """Of a variant that is made from the mezzanine, where there is one."""
    answer = server.client.get(f"/images/{image['id']}?w={width}")
    assert answer.status_code == 200, answer.text
    return str(answer.headers["etag"])


def delete(server: Server, image: dict[str, Any]) -> None:
    """Delete an image."""
    answer = server.client.delete(f"/api/v1/images/{image['id']}")
    assert answer.status_code == 204, answer.text


def test_both_servers_use_a_mezzanine_from_the_moment_it_is_there(
    nodes: Nodes, radosgw: Radosgw
) -> None:
    """They have made a variant from the original before; each has an entity tag of its own."""
    pair = first, _ = nodes.pair(blob_url=radosgw.new_url(), has_worker=False)
    image = first.upload(picture(1, LARGE))
    early = {etag(server, image, 201) for server in pair}
    with contextlib.closing(Worker(first.data_dir, **first.settings).start()):
        first.finished(image["job"]["id"])

    late = {etag(server, image, 201) for server in pair}

    assert (len(early), len(late), early & late) == (1, 1, set())


def test_a_mezzanine_is_gone_with_its_image_at_both_servers(
    pair: tuple[Server, Server], nodes: Nodes, storage: Storage
) -> None:
    """The same bytes get another one; no variant is made from what was removed."""
    first, second = pair
    names = set()
    for number in range(3):
        one, twin = (server.upload(picture(2, LARGE)) for server in pair)
        for image in (one, twin):
            first.finished(image["job"]["id"])
        names |= set(nodes.sql(MEZZANINES))
        assert len(names) == number + 1
        etags = {etag(server, image, 301) for server in pair for image in (one, twin)}
        assert len(etags) == 2

        delete(first, one)
        assert second.client.get(f"/images/{one['id']}?w=302").status_code == 404
        assert etag(second, twin, 303)
        delete(second, twin)
        assert first.client.get(f"/images/{twin['id']}?w=304").status_code == 404
    until(lambda: nodes.sql(OPEN_JOBS) == [0])
    storage.collect()
    assert storage.objects() == storage.rows() == []


def test_images_that_are_deleted_while_their_jobs_run_leave_nothing(
    pair: tuple[Server, Server], nodes: Nodes, storage: Storage
) -> None:
    """At the other server, while requests render variants at both."""
    first, second = pair

    def come_and_go(number: int) -> None:
        image = first.upload(picture(10 + number % 3, LARGE))
        second.client.get(f"/images/{image['id']}?w=305")
        delete(second, image)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(come_and_go, range(12)))
    kept = second.upload(picture(10, LARGE))
    until(lambda: nodes.sql(OPEN_JOBS) == [0])
    assert etag(first, kept, 306) == etag(second, kept, 306)
    delete(first, kept)
    storage.collect()
    assert storage.objects() == storage.rows() == []
