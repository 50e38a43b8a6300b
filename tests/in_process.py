"""A server in this process, for applications without a command."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import httpx2
import uvicorn
from starlette.types import ASGIApp

from imagesvc.delivery.hot import Inline
from imagesvc.server.bounds import connection_bounds
from imagesvc.server.protocol import bounded
from imagesvc.settings.settings import Settings
from tests.server import request_once
from tests.waiting import until


@contextlib.contextmanager
def serving(app: ASGIApp, inline: Inline) -> Iterator[tuple[uvicorn.Server, int]]:
    """A running server of an application, and its port; `inline` may answer before it."""
    protocol = bounded(connection_bounds(Settings()), inline)
    config = uvicorn.Config(app, port=0, http=protocol, lifespan="off", log_config=None)
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run)
    thread.start()
    try:
        until(lambda: running.started)
        (port,) = {it.getsockname()[1] for server in running.servers for it in server.sockets}
        yield running, port
    finally:
        running.should_exit = True
        thread.join()


def answer_of(app: ASGIApp, inline: Inline) -> httpx2.Response:
    """The answer of an application to one request, which `inline` may answer before it."""
    with serving(app, inline) as (_running, port):
        return request_once("GET", f"http://127.0.0.1:{port}/")
