"""The uvicorn server: how it is configured, how it starts, and how signals end it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import math
import signal
import socket
from collections.abc import Iterator
from types import FrameType

import uvicorn
import uvloop
from starlette.types import ASGIApp

from imagesvc.errors import text_of
from imagesvc.server import allocator, signals
from imagesvc.server.listening.addresses import CannotListen
from imagesvc.server.listening.sockets import url_of
from imagesvc.server.metrics.of_worker import worker_metrics_served
from imagesvc.server.protocol import BoundedProtocol
from imagesvc.service.service import Service
from imagesvc.service.worker import WorkerService


def run_server(
    app: ASGIApp,
    connection: type[BoundedProtocol],
    service: Service,
    sockets: list[socket.socket],
    backlog: int,
) -> None:
    """Serve an application until a signal ends it."""
    settings = service.settings
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=connection,
        backlog=backlog,
        ws="none",
        timeout_keep_alive=math.ceil(settings.keep_alive_timeout),
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=math.ceil(settings.shutdown_timeout),
    )
    _relax_garbage_collector()
    allocator.use_few_arenas()
    _Server(config, service, url_of(sockets[0])).run(sockets)


def run_worker(service: WorkerService) -> None:
    """Run a worker until a signal ends it."""

    async def run() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)

        def begin_stop(_number: int, _frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(stop.set)

        with signals.handled(begin_stop), worker_metrics_served(service):
            await service.run(stop)

    _relax_garbage_collector()
    allocator.use_few_arenas()
    uvloop.run(run())


def _relax_garbage_collector() -> None:
    """Have it skip what lives as long as the process, and run less often.

    A request leaves almost no cycles; the search for them took a tenth of its time.
    """
    gc.freeze()
    gc.set_threshold(20_000, 50, 50)


class _Server(uvicorn.Server):
    """Tells the service its address, and announces a stop before connections have drained."""

    def __init__(self, config: uvicorn.Config, service: Service, url: str) -> None:
        super().__init__(config)
        self._service = service
        self._url = url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and announce the address; connections are accepted only from now on."""
        try:
            await super().startup(sockets)
        except OSError as error:  # another program was faster to listen on a port
            await self.lifespan.shutdown()
            raise CannotListen(f"cannot listen: {text_of(error)}") from error
        if self.started:
            self._service.announce(self._url)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Also handle SIGHUP and others."""
        with super().capture_signals(), signals.handled(self.handle_exit):
            yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop claiming jobs, then stop; a second Ctrl-C does not wait.

        Unlike uvicorn's, this does not raise the signal again at the end: a requested and
        successful stop has exit status 0.
        """
        del frame
        self._service.begin_stop()
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True
