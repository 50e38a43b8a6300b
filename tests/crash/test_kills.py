"""The kill schedule: SIGKILL at many moments loses no acknowledged data."""

from __future__ import annotations

import contextlib
import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import MakeServer
from tests.crash.traffic import ALWAYS_KEPT, LONG_KILLS, Ledger, Traffic, rows
from tests.server import Server
from tests.waiting import until

QUICK_KILLS = 3
COLLECT_EVERY = 10
SAMPLE = 40


def test_a_few_kills_lose_nothing(make_server: MakeServer) -> None:
    """A short schedule, which runs with every test run."""
    run_schedule(make_server(workers=1), kills=QUICK_KILLS, seed=1)


@pytest.mark.long
@pytest.mark.timeout(600 + 60 * LONG_KILLS)
def test_many_kills_lose_nothing(make_server: MakeServer) -> None:
    """The long schedule: enough kills to hit each step of an upload, a job and a delete."""
    run_schedule(make_server(workers=2), kills=LONG_KILLS, seed=2)


def run_schedule(server: Server, *, kills: int, seed: int) -> None:
    """Kill, start again, and check everything, many times."""
    chance, ledger = random.Random(seed), Ledger()
    clients = Traffic(server, ledger)
    start_seconds = 0.0
    for number in range(1, kills + 1):
        if number % 3 == 0:
            kill_while_starting(server, chance.uniform(0.0, start_seconds))
        else:
            kill_under_load(server, clients, chance, seed=seed * 10_000 + number)
        began = time.monotonic()
        server.start()
        start_seconds = time.monotonic() - began
        resolve_doubts(server, ledger)
        is_last = number == kills
        promises_hold(server, ledger, chance, sample=None if is_last else SAMPLE)
        files_match_rows(server)
        if number % COLLECT_EVERY == 0 or is_last:
            collection_leaves_no_orphan(server)
    clients.close()
    assert len(ledger.kept) >= ALWAYS_KEPT
    assert len(ledger.deleted) > kills
    checked = server.cli("check")
    assert checked.returncode == 0, checked.stdout


def kill_under_load(server: Server, clients: Traffic, chance: random.Random, *, seed: int) -> None:
    """Wait until clients have some responses, then kill the server a moment later.

    The number of responses is awaited, not a time, since the speed of the machine is unknown.
    """
    deleted = len(clients.ledger.deleted) + chance.randrange(2, 12)
    with clients.flows(seed):
        until(lambda: len(clients.ledger.deleted) >= deleted or clients.wrong)
        time.sleep(chance.uniform(0.0, 0.1))
        server.kill()
    assert not clients.wrong, clients.wrong


def kill_while_starting(server: Server, delay: float) -> None:
    """Kill the server, and the next one while it recovers."""
    server.kill()
    before = server.process
    with ThreadPoolExecutor(1) as executor:
        started = executor.submit(server.start)
        while server.process is before:
            time.sleep(0.001)
        time.sleep(delay)
        server.kill()
        with contextlib.suppress(AssertionError):  # it says that the server ended
            started.result()


def resolve_doubts(server: Server, ledger: Ledger) -> None:
    """A delete without a response has happened or has not; from now on this is fixed."""
    for promise in list(ledger.in_doubt.values()):
        del ledger.in_doubt[promise.image_id]
        if server.client.get(f"/api/v1/images/{promise.image_id}").status_code == 404:
            ledger.deleted.add(promise.image_id)
        else:
            ledger.kept[promise.image_id] = promise


def promises_hold(
    server: Server, ledger: Ledger, chance: random.Random, *, sample: int | None
) -> None:
    """Uploads answer with their bytes, their jobs succeed, and deletes answer 404."""
    for promise in ledger.sample(chance, sample or len(ledger.kept)):
        original = server.client.get(f"/images/{promise.image_id}")
        assert original.status_code == 200, promise.image_id
        assert original.content == promise.content, promise.image_id
        job = server.finished(promise.job_id)
        assert job["status"] == "succeeded", job
    gone = sorted(ledger.deleted)
    for image_id in gone if sample is None else chance.sample(gone, min(sample, len(gone))):
        assert server.client.get(f"/images/{image_id}").status_code == 404
        assert server.client.get(f"/images/{image_id}/thumbnail").status_code == 404


def files_match_rows(server: Server) -> None:
    """Every row has its blob, every job ends, and unfinished uploads are removed."""
    assert rows(server.data_dir, "SELECT sha256 FROM images") <= server.blobs()
    unfinished = "SELECT id FROM jobs WHERE status IN ('pending', 'processing')"
    until(lambda: not rows(server.data_dir, unfinished))
    assert not rows(server.data_dir, "SELECT id FROM jobs WHERE status != 'succeeded'")
    assert names(server.data_dir / "tmp") == []


def collection_leaves_no_orphan(server: Server) -> None:
    """With a running server, `gc` removes orphans only."""
    collected = server.cli("gc", "--grace", "0s")
    assert collected.returncode == 0, collected.stderr
    assert server.blobs() == rows(server.data_dir, "SELECT sha256 FROM images")


def names(directory: Path) -> list[str]:
    """The names in a directory."""
    return sorted(path.name for path in directory.iterdir())
