"""Starts workers, with the layers of the sandbox that they can have."""

from __future__ import annotations

import asyncio
from pathlib import Path

from imagesvc.errors import WorkerDied
from imagesvc.workers.answers import Failure, read_answer
from imagesvc.workers.process import Reply, WorkerProcess
from imagesvc.workers.sandbox.lock import ResourceLimits
from imagesvc.workers.sandbox.policy import Sandbox
from imagesvc.workers.sandbox.readiness import READY, Readiness

START_SECONDS = 30.0


class Starter:
    """Starts workers that are alike; sizes in bytes."""

    def __init__(
        self,
        sandbox: Sandbox,
        worker_memory: int,
        output_bytes: int,
        spill_dir: Path,
        module: str,
    ) -> None:
        self._sandbox = sandbox
        self._worker_memory = worker_memory
        self._output_bytes = output_bytes
        self._spill_dir = spill_dir
        self._module = module

    async def start(self) -> WorkerProcess:
        """Start a worker and wait until it has loaded the codecs and locked itself.

        Raises:
            WorkerDied: it does not start.
            OSError: the system refuses to start it.
        """
        while True:
            layers = self._sandbox.layers
            try:
                return await self._worker_with(layers)
            except WorkerDied as error:
                if not self._sandbox.falls_back(layers, error.detail):
                    raise

    async def _worker_with(self, layers: tuple[str, ...]) -> WorkerProcess:
        limits = ResourceLimits(self._worker_memory, self._output_bytes, layers)
        worker = await WorkerProcess.start(limits, self._spill_dir, self._module)
        try:
            async with asyncio.timeout(START_SECONDS):
                reply = await worker.call(READY.name, ())
            self._sandbox.accept(_readiness(reply))
        except TimeoutError:
            worker.kill()
            raise WorkerDied("A worker process does not start.") from None
        except BaseException:
            worker.kill()
            raise
        return worker


def _readiness(reply: Reply) -> Readiness:
    found = read_answer(READY, reply)
    if isinstance(found, Failure):
        raise WorkerDied("A worker process cannot load or use its codecs.")
    return found
