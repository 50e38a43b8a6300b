"""A server without free descriptors reports it, and recovers."""

from __future__ import annotations

import contextlib
import resource
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from imagesvc.server.descriptors import (
    BASE,
    MIN_CONNECTIONS,
    PER_CONNECTION,
    PER_WORKER,
    TooFewDescriptors,
    room_for,
)
from tests import commands
from tests.http.asking import assert_problem, picture, read_raw
from tests.server import Server
from tests.waiting import PATIENCE, until

OPEN_FILES = 256
REQUEST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def narrow(tmp_path: Path) -> Iterator[Server]:
    """A server with few descriptors and long time-outs."""
    server = Server(
        tmp_path / "data", workers=1, header_timeout="600s", max_connections_per_address=1000
    )
    server.open_files = OPEN_FILES
    yield server.start()
    server.close()


def test_every_connection_beyond_the_room_is_answered_503(narrow: Server) -> None:
    """There are more connections than descriptors, all kept open.

    Those within the limit are served.
    """
    assert narrow.log().count("connection.limit") == 1
    before, statuses = len(narrow.held()), Counter[int]()
    with contextlib.ExitStack() as stack:
        for _ in range(OPEN_FILES + 100):
            connection = stack.enter_context(
                socket.create_connection(("127.0.0.1", narrow.port), PATIENCE)
            )
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(REQUEST)
            answer = read_raw(connection)
            assert answer is not None
            statuses[answer.status] += 1
        until(lambda: narrow.log().count("connection.refused"))

    assert set(statuses) == {200, 503}
    assert statuses[200] <= room_for(1000, 1, OPEN_FILES).connections
    until(lambda: len(narrow.held()) <= before)
    image = narrow.upload(picture(1))
    assert narrow.finished(image["job"]["id"])["status"] == "succeeded"


def test_a_burst_of_connections_ends_and_the_server_recovers(narrow: Server) -> None:
    """More connections arrive at once than one turn of the event loop accepts."""
    before = len(narrow.held())
    with contextlib.ExitStack() as stack:

        def refused_of(connections: int) -> int:
            for _ in range(connections):
                connection = stack.enter_context(socket.socket())
                connection.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    connection.connect(("127.0.0.1", narrow.port))
            return narrow.log().count("connection.refused")

        refused_of(2 * OPEN_FILES)
        until(lambda: refused_of(8))  # more, for the kernel drops what its queue cannot hold

    until(lambda: len(narrow.held()) <= before)
    assert narrow.client.get("/healthz").status_code == 200


def test_a_request_that_can_open_no_file_is_answered_503(narrow: Server) -> None:
    """The cause is the server's state, not a bug of the request; later it is answered."""
    image = narrow.upload(picture(2))
    narrow.finished(image["job"]["id"])
    url = f"/images/{image['id']}"
    assert narrow.client.get("/healthz").status_code == 200  # a connection that is kept alive
    limit = resource.prlimit(narrow.pid, resource.RLIMIT_NOFILE)
    # Those that are open stay so, and any other has a higher number than the standard streams.
    resource.prlimit(narrow.pid, resource.RLIMIT_NOFILE, (3, limit[1]))

    assert_problem(narrow.client.get(url), 503, "overloaded")
    assert_problem(narrow.client.get(f"{url}?w=41"), 503, "overloaded")
    assert narrow.client.get("/api/v1/openapi.json").status_code == 200  # it needs no file
    assert narrow.client.get("/api/v1/images?q=a").status_code in {200, 503}
    assert narrow.client.get("/readyz").status_code in {200, 503}

    resource.prlimit(narrow.pid, resource.RLIMIT_NOFILE, limit)
    assert narrow.client.get(url).content == picture(2)
    assert narrow.client.get("/api/v1/openapi.json").status_code == 200
    assert ".bug" not in narrow.log()


@pytest.mark.parametrize("limit", [128, 256, 1024, 4096, 20_000, 65_536])
def test_connections_fit_into_the_limit(limit: int) -> None:
    """The limit counts their files, and connections that are being refused."""
    room = room_for(1000, 2, limit)

    assert room.connections >= MIN_CONNECTIONS
    needed = BASE + 2 * PER_WORKER + PER_CONNECTION * room.connections + 2 * room.backlog
    assert needed <= limit
    if limit >= 4096:
        assert room.connections == 1000


def test_a_limit_without_room_for_connections_is_refused(tmp_path: Path) -> None:
    """The server would be ready, and refuse nearly every request; a small wish can be met."""
    with pytest.raises(TooFewDescriptors, match="LimitNOFILE"):
        room_for(1000, 2, 120)
    assert room_for(8, 2, 120).connections == 8

    done = commands.run("serve", "--data-dir", str(tmp_path / "data"), open_files=64)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("imagesvc: The limit of open files is 64, too few")
    assert not (tmp_path / "data").exists()
