"""Transactions that wait for their node: how long, and how PostgreSQL knows of them."""

from __future__ import annotations

from collections.abc import Iterable

import psycopg
from psycopg.abc import Params, Query
from psycopg.rows import TupleRow
from sqlalchemy import text

IDLE_MILLISECONDS = 5_000
"""After which PostgreSQL ends a transaction that sends nothing.

A node that is stopped, or cut off, would hold its locks otherwise, and all others would wait.
"""
IDLE_LIMIT = f"SET idle_in_transaction_session_timeout = {IDLE_MILLISECONDS}"
NO_LIMIT = text("SET LOCAL idle_in_transaction_session_timeout = 0")
"""For one transaction that copies rows meanwhile, for which nobody waits."""
SIGN_SECONDS = 3.0
KEPT_MILLISECONDS = 15_000
KEPT_LIMIT = text(f"SET LOCAL idle_in_transaction_session_timeout = {KEPT_MILLISECONDS}")
"""For one that lets others wait while blobs are copied, and sends a statement every few seconds:
PostgreSQL ends that of a process that is stopped.
"""


class OneByOne(psycopg.Cursor[TupleRow]):
    """A cursor whose `executemany` is no pipeline.

    In a pipeline, a transaction that waits for its client is not idle for PostgreSQL, and
    `idle_in_transaction_session_timeout` does not end it: a node that is stopped there would hold
    its locks until it goes on.
    """

    def executemany(
        self, query: Query, params_seq: Iterable[Params], *, returning: bool = False
    ) -> None:
        """Execute the same statement with each of the parameters; it returns no rows."""
        if returning:
            raise NotImplementedError
        for params in params_seq:
            self.execute(query, params)  # type: ignore[arg-type]  # no template, as it has parameters
