"""The metrics of `imagesvc worker`, which has no other HTTP: at an address of their own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server
from prometheus_client.registry import Collector

from imagesvc.api.metrics import Family, Metric, Snapshot
from imagesvc.errors import text_of
from imagesvc.server.listening.addresses import CannotListen
from imagesvc.server.metrics.metrics import build_metric
from imagesvc.server.metrics.of_work import attempt_metrics, worker_metrics
from imagesvc.server.metrics.series import gauge
from imagesvc.service.worker import WorkerService

HAS_ROOM = "0 while no jobs are taken, because the disk of the worker has no room."
PATIENCE_SECONDS = 5.0
"""The time that the event loop has for an answer."""


@contextlib.contextmanager
def worker_metrics_served(service: WorkerService) -> Iterator[None]:
    """Serve them meanwhile, if the settings name an address; each path has them.

    Raises:
        CannotListen: the address cannot be used.
    """
    address = service.settings.worker_metrics_address
    if address is None:
        yield
        return
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_OfWorker(service, asyncio.get_running_loop()))
    ProcessCollector(registry=registry)
    host, port = address
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        reason = text_of(error)
        raise CannotListen(f"worker_metrics: cannot listen at {host}, {port}: {reason}") from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _OfWorker(Collector):
    """Reads the parts in their event loop, for a thread that answers a request."""

    def __init__(self, service: WorkerService, loop: asyncio.AbstractEventLoop) -> None:
        self._service = service
        self._loop = loop

    def collect(self) -> list[Family]:
        """See `Collector`."""
        reading = asyncio.run_coroutine_threadsafe(self._read(), self._loop)
        return Snapshot(reading.result(PATIENCE_SECONDS)).collect()

    async def _read(self) -> list[Metric]:
        service = self._service
        return [
            build_metric(service.settings),
            gauge("worker_has_room", HAS_ROOM, service.jobs.room.is_there),
            *attempt_metrics(service.jobs.results),
            *worker_metrics(service.workers, service.settings.workers),
        ]
