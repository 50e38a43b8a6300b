"""The log of the database's failures: each kind at its beginning, once a minute, at its end."""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy.exc import DBAPIError

from imagesvc.outages.outage import REPEAT_SECONDS, Outage
from imagesvc.store.db.sqlite.engine import error_name, failure_behind

MAX_LOGGED = 300
"""Characters of an error in the log."""


class DatabaseFailures:
    """What statements have failed by, for the event loop's thread only.

    Some statements may fail while others succeed, so a kind of failure has ended when a statement
    succeeds after a minute without it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.count = 0
        """Units of work that failed since the start."""
        self._clock = clock
        self._outages: dict[str, Outage] = {}

    def failed(self, error: BaseException) -> None:
        """Record the error of a unit of work; errors of other parts are ignored."""
        failure = failure_behind(error)
        if failure is None:
            return
        self.count += 1
        kind = error_name(failure) or getattr(failure.orig, "sqlstate", None) or ""
        outage = self._outages.setdefault(kind, self._outage())
        outage.failed(error=_first_line(failure), kind=kind)

    def passed(self) -> None:
        """Record that a unit of work succeeded."""
        for kind, outage in list(self._outages.items()):
            outage.passed(kind=kind)
            if not outage.is_on:
                del self._outages[kind]

    def _outage(self) -> Outage:
        return Outage(
            "the database failed", "database.failed",
            "the database no longer fails", "database.passed", self._clock, REPEAT_SECONDS,
        )  # fmt: skip


def _first_line(failure: DBAPIError) -> str:
    """The message without values, which PostgreSQL adds on further lines."""
    return str(failure.orig).partition("\n")[0][:MAX_LOGGED]
