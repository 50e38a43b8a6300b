"""A graceful stop, and a start after a kill."""

from __future__ import annotations

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.conftest import MakeServer
from tests.crash.pictures import marked
from tests.crash.traffic import rows
from tests.http.asking import connected, read_raw
from tests.server import Server
from tests.waiting import PATIENCE, until
from tests.workers.processes import busy
from tests.workers.test_workers import SLOW, SMALL, big

CLEAN = {0, -signal.SIGTERM}
STARTED = "SELECT id FROM jobs WHERE started_at IS NOT NULL"


def job_statuses(server: Server) -> set[str]:
    """The different statuses of jobs in the database."""
    return rows(server.data_dir, "SELECT DISTINCT status FROM jobs")


def test_a_stop_finishes_running_work_and_queues_the_rest(make_server: MakeServer) -> None:
    """No work is lost, and none is started."""
    server = make_server(workers=1, shutdown_timeout=f"{PATIENCE}s", **SLOW)
    pictures = [marked(big(), number) for number in range(9)]
    with ThreadPoolExecutor(9) as executor:  # their probes go before the first one's job
        list(executor.map(server.upload, pictures))
    until(lambda: rows(server.data_dir, STARTED))

    assert server.stop() in CLEAN

    assert job_statuses(server) == {"succeeded", "pending"}
    assert rows(server.data_dir, "SELECT DISTINCT status FROM images") == {"succeeded", "pending"}


@pytest.mark.breadth
def test_no_work_starts_while_a_stop_waits_for_clients(make_server: MakeServer) -> None:
    """A slow client may delay a stop; the queue is for the next start."""
    server = make_server(
        workers=1, shutdown_timeout=f"{PATIENCE}s", body_timeout=f"{PATIENCE}s", **SLOW
    )
    pictures = [marked(big(), number) for number in range(9)]
    with connected(server) as slow_client:
        slow_client.sendall(
            b"POST /images HTTP/1.1\r\nHost: [::1]\r\nContent-Length: 9\r\n\r\nhalf"
        )
        with ThreadPoolExecutor(9) as executor:
            list(executor.map(server.upload, pictures))
        server.client.close()
        until(lambda: rows(server.data_dir, STARTED))  # a claim under way counts as begun

        server.begin_stop()
        until(lambda: "processing" not in job_statuses(server))
        begun = rows(server.data_dir, STARTED)
        time.sleep(1.0)  # the worker is idle, and could begin the next
        assert server.process is not None
        assert server.process.poll() is None

    assert server.stop() in CLEAN
    assert rows(server.data_dir, STARTED) == begun
    assert len(begun) < len(pictures)


@pytest.mark.breadth
def test_a_stop_waits_no_longer_than_it_may(make_server: MakeServer) -> None:
    """Unfinished work is queued, without counting an attempt, and done after the next start."""
    server = make_server(workers=1, shutdown_timeout="1s", job_timeout="1h", **SLOW)
    job_ids = [server.upload(marked(big(), n))["job"]["id"] for n in range(2)]
    worker = busy(server)
    os.kill(worker, signal.SIGSTOP)

    assert server.stop() in CLEAN

    assert job_statuses(server) <= {"succeeded", "pending"}
    assert rows(server.data_dir, "SELECT MAX(attempts) FROM jobs WHERE status = 'pending'") == {"0"}
    server.start()
    assert [server.finished(job_id)["status"] for job_id in job_ids] == ["succeeded"] * 2


@pytest.mark.breadth
def test_an_upload_in_progress_is_accepted_during_a_stop(make_server: MakeServer) -> None:
    """The client has sent it; a deployment must not force it to send it again."""
    server = make_server(workers=1, shutdown_timeout=f"{PATIENCE}s")
    head = (
        f"POST /images HTTP/1.1\r\nHost: [::1]\r\nContent-Length: {len(SMALL)}\r\n"
        "Expect: 100-continue\r\n\r\n"
    )
    with connected(server) as connection:
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 100")  # it has begun
        connection.sendall(SMALL[:100])
        server.begin_stop()
        connection.sendall(SMALL[100:])
        answer = read_raw(connection)

    assert answer is not None
    assert answer.status == 201
    assert server.stop() in CLEAN
    server.start()
    assert server.client.get(f"/images/{json.loads(answer.body)['id']}").content == SMALL


@pytest.mark.breadth
def test_a_rendering_in_progress_is_answered_during_a_stop(make_server: MakeServer) -> None:
    """The same holds for requests that wait for a variant."""
    server = make_server(workers=1, shutdown_timeout=f"{PATIENCE}s")
    image = server.upload(big())
    server.finished(image["job"]["id"])
    url = f"http://127.0.0.1:{server.port}/images/{image['id']}?format=avif&w=3000"

    with ThreadPoolExecutor(1) as executor:
        answer = executor.submit(httpx2.get, url, timeout=PATIENCE)
        busy(server)
        assert server.stop() in CLEAN

    assert answer.result().status_code == 200


def test_the_data_of_a_killed_server_is_available_immediately(make_server: MakeServer) -> None:
    """A stale lock file would need an operator."""
    server = make_server(workers=1)
    server.kill()

    assert server.start().client.get("/readyz").status_code == 200
