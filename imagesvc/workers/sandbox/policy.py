"""Which layers workers are started with, by the setting and by this machine's support."""

from __future__ import annotations

from typing import Literal

import structlog

from imagesvc.errors import WorkerDied
from imagesvc.workers.sandbox.lock import LAYERS
from imagesvc.workers.sandbox.readiness import Readiness

log = structlog.get_logger()

ENOUGH_DEATHS = 2
"""A worker may also die at its start for lack of memory, which is no sign of a missing layer."""
Mode = Literal["auto", "strict", "off"]


class Sandbox:
    """The state of the workers' sandbox, which the pool's start settles."""

    def __init__(self, mode: Mode) -> None:
        self._mode = mode
        self._is_settled = False
        self.layers: tuple[str, ...] = () if mode == "off" else tuple(LAYERS)
        self._reason = ""
        self._deaths = 0
        self._readiness = Readiness()

    @property
    def faults(self) -> str:
        """The missing parts of the whole sandbox, as text."""
        return "; ".join(filter(None, (self._reason, self._readiness.faults())))

    @property
    def is_whole(self) -> bool:
        """Whether workers have every layer, and were refused all that they tried."""
        return self._is_settled and bool(self.layers) and not self.faults

    def accept(self, readiness: Readiness) -> None:
        """Record the report of a worker about itself.

        Raises:
            WorkerDied: it is not locked as it must be.
        """
        faults = readiness.faults()
        if self._mode == "strict" and faults:
            raise WorkerDied(f"sandbox = strict, but {faults}. With auto, the server starts.")
        if not self._is_settled:
            if faults:
                self._readiness = readiness
        elif faults != self._readiness.faults():
            raise WorkerDied(f"A worker process is not locked as those before it: {faults}.")

    def falls_back(self, layers: tuple[str, ...], reason: str) -> bool:
        """Whether to restart, with fewer layers, a worker that did not start with these."""
        if self._mode != "auto" or self._is_settled or not layers:
            return False
        if layers != self.layers:  # another worker has failed with them before
            return True
        self._deaths += 1
        if self._deaths == ENOUGH_DEATHS:
            self._deaths = 0
            self._reason = f"workers do not work with {layers[-1]}: {reason}"
            self.layers = layers[:-1]
        return True

    def _held(self) -> tuple[str, ...]:
        return tuple(it for it in self.layers if it not in self._readiness.missing)

    def settle(self) -> None:
        """Keep the result of the first workers, and log it."""
        self._is_settled = True
        if self._mode == "off":
            log.warning("workers are not sandboxed", action="sandbox.off")
        elif self.faults:
            log.warning(
                "workers are sandboxed in part",
                action="sandbox.partial", layers=self._held(), missing=self.faults,
            )  # fmt: skip
        else:
            log.info("workers are sandboxed", action="sandbox.on", layers=self.layers)
