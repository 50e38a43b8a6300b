"""The load client."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest

from benchmarks.client import LoadProcess
from benchmarks.load import Load
from benchmarks.plan import Plan, get
from tests.waiting import PATIENCE


class Handler(BaseHTTPRequestHandler):
    """Closes idle connections; answers `/slow` when it has closed the connection of `/fast`."""

    protocol_version = "HTTP/1.1"
    timeout = 0.1
    is_closed = Event()

    def do_GET(self) -> None:
        """Answer without a body."""
        if self.path == "/slow" and not self.is_closed.wait(PATIENCE):
            return
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def finish(self) -> None:
        """Close the connection."""
        super().finish()
        self.is_closed.set()

    def log_message(self, *_arguments: object) -> None:
        """Write no access log."""


@pytest.fixture
def port() -> Iterator[int]:
    """The port of a server that closes idle connections."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_server_may_close_connections_without_requests(port: int) -> None:
    """One of the connections has nothing more to ask while the other waits for its answer."""
    outcome = Load(Plan(port, (get("/fast"), get("/slow")), 2)).run()

    assert outcome.statuses == {200: 2}


def test_a_load_can_be_stopped(port: int) -> None:
    """Nothing of it is left: no process, and no pipe."""
    load = LoadProcess(Plan(port, (get("/fast"),), 1, seconds=PATIENCE))

    load.stop()

    assert not load.is_running()
    assert load.process.stdout is not None
    assert load.process.stdout.closed
