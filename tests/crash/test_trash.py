"""The trash across kills: nothing is lost that was not deleted, and nothing stays that was."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.conftest import MakeServer
from tests.crash.pictures import marked
from tests.crash.test_kills import collection_leaves_no_orphan, files_match_rows
from tests.crash.traffic import LONG_KILLS, SMALL, rows
from tests.http.test_trash import EMPTY, TRASH, listed, moved
from tests.server import Server
from tests.waiting import until

IMAGES = 16
QUICK_KILLS = 2


@contextlib.contextmanager
def emptying(server: Server) -> Iterator[None]:
    """A request that empties the trash, which the kill of the server cuts off."""

    def empty() -> None:
        with contextlib.suppress(httpx2.TransportError):
            server.client.post(EMPTY)

    with ThreadPoolExecutor(1) as executor:
        request = executor.submit(empty)
        yield
        request.result()


def run_schedule(server: Server, kills: int) -> None:
    """Empty the trash and kill the server in the middle, many times.

    Each second image shares its bytes with one that stays.
    """
    chance = random.Random(3)
    staying = {}
    for number in range(IMAGES // 2):
        content = marked(SMALL, number)
        staying[server.upload(content)["id"]] = content
    for round_ in range(kills):
        trashed = {}
        for number in range(IMAGES):
            content = marked(SMALL, number if number % 2 else 1000 * (1 + round_) + number)
            trashed[server.upload(content)["id"]] = content
        assert set(moved(server.client, "trash", *trashed)) == {204}
        limit = len(trashed) - chance.randrange(2, IMAGES - 2)
        with emptying(server):
            until(lambda: len(in_trash(server)) <= limit)  # noqa: B023  # at once
            time.sleep(chance.uniform(0.0, 0.02))
            server.kill()
        server.start()

        left = set(listed(server.client, TRASH))
        assert left <= set(trashed)
        for image_id, content in trashed.items():
            answer = server.client.get(f"/images/{image_id}")
            assert answer.status_code == (200 if image_id in left else 404)
            assert image_id not in left or answer.content == content
        if left:
            restored = min(left)
            assert moved(server.client, "restore", restored) == [204]
            staying[restored] = trashed[restored]
        assert server.client.post(EMPTY).json() == {"deleted": max(0, len(left) - 1)}
        for image_id, content in staying.items():
            assert server.client.get(f"/images/{image_id}").content == content
        files_match_rows(server)
        collection_leaves_no_orphan(server)
    checked = server.cli("check")
    assert checked.returncode == 0, checked.stdout


def in_trash(server: Server) -> set[str]:
    """The images in the trash, read without the server."""
    return rows(server.data_dir, "SELECT id FROM images WHERE trashed_at IS NOT NULL")


@pytest.mark.breadth
def test_a_few_kills_while_the_trash_is_emptied(make_server: MakeServer) -> None:
    """A short schedule, which runs with every test run."""
    run_schedule(make_server(workers=1), QUICK_KILLS)


@pytest.mark.long
@pytest.mark.timeout(600 + 60 * LONG_KILLS)
def test_many_kills_while_the_trash_is_emptied(make_server: MakeServer) -> None:
    """Enough of them to hit each step of a deletion."""
    run_schedule(make_server(workers=2), LONG_KILLS)


@pytest.mark.breadth
def test_a_kill_during_the_trashing_leaves_all_images_or_none(make_server: MakeServer) -> None:
    """One transaction moves them, and none of them is lost."""
    server = make_server(workers=1, eager_presets="[]")
    ids = [server.upload(marked(SMALL, number))["id"] for number in range(40)]
    with ThreadPoolExecutor(1) as executor:
        for place in range(2):
            action = ("trash", "restore")[place % 2]
            body = {"ids": ids}
            request = executor.submit(
                server.client.post, f"/api/v1/images/actions/{action}", json=body
            )
            time.sleep(place * 0.004)
            server.kill()
            with contextlib.suppress(httpx2.TransportError):
                request.result()
            server.start()

            trashed = len(in_trash(server))
            assert trashed in {0, len(ids)}
            listed_now = set(listed(server.client, "/api/v1/images?limit=200"))
            assert len(listed_now & set(ids)) == len(ids) - trashed
            assert len(set(listed(server.client, TRASH)) & set(ids)) == trashed
            moved(server.client, ("restore", "trash")[place % 2 == 0], *ids)
    assert server.cli("check").returncode == 0
