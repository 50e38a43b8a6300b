"""A kill at any moment of an upload with a key, and its retry: the upload is done once."""

from __future__ import annotations

import contextlib
import random
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.conftest import MakeServer
from tests.crash.pictures import jpeg
from tests.crash.traffic import LONG_KILLS, rows
from tests.server import Server, new_client
from tests.waiting import until

KILLS = [2, pytest.param(min(20, LONG_KILLS), marks=[pytest.mark.long, pytest.mark.timeout(3600)])]
MOST_KILLS = 40
AT_ONCE = 4
FILES = sum(range(1, AT_ONCE + 1))


def attempt(server: Server, key: str, contents: list[bytes]) -> httpx2.Response | None:
    """Upload with a key; None if the server ends meanwhile."""
    files = [("file", (f"{key}-{number}.jpg", data)) for number, data in enumerate(contents)]
    with (
        contextlib.suppress(httpx2.TransportError),
        new_client(base_url=server.client.base_url) as client,
    ):
        return client.post("/images", files=files, headers={"idempotency-key": key})
    return None


def images_of(server: Server, name: str) -> int:
    """The number of images whose file name begins so."""
    return len(rows(server.data_dir, f"SELECT id FROM images WHERE filename LIKE '{name}%'"))


def kill_after(server: Server, name: str, committed: int) -> None:
    """Kill the server when this many images with this prefix are committed."""
    until(lambda: images_of(server, name) >= committed)
    server.kill()


@pytest.mark.breadth
@pytest.mark.parametrize("fewest", KILLS)
def test_a_retry_after_a_kill_makes_no_second_image(make_server: MakeServer, fewest: int) -> None:
    """After a kill before the commit it is done now; after the commit the first response is sent.

    The same holds for each of several files, which are committed one by one. Kills are repeated
    until one came between a commit and its response, which is the case to test.
    """
    server, chance = make_server(workers=1), random.Random(7)
    kills = cut_off = 0
    while kills < fewest or (not cut_off and kills < MOST_KILLS):
        uploads = {
            f"k{kills}x{client}": [jpeg(kills * 100 + client * 10 + i) for i in range(client + 1)]
            for client in range(AT_ONCE)
        }
        with ThreadPoolExecutor(AT_ONCE) as executor:
            firsts = {
                key: executor.submit(attempt, server, key, contents)
                for key, contents in uploads.items()
            }
            kill_after(server, f"k{kills}x", chance.randrange(FILES))
        kills += 1
        server.start()
        for key, contents in uploads.items():
            first, known = firsts[key].result(), images_of(server, f"{key}-")
            again = attempt(server, key, contents)

            assert again is not None
            assert again.status_code == (201 if len(contents) == 1 else 207)
            assert images_of(server, f"{key}-") == len(contents)
            if first is not None:
                assert again.content == first.content
                assert again.headers["idempotent-replayed"] == "true"
            elif known:
                cut_off += 1
            for entry in again.json().get("data", ()):
                assert entry["status"] == 201
    assert cut_off, "no kill came between a commit and its answer: make them later or earlier"
