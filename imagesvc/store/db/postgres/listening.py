"""Listening to a channel of PostgreSQL on a connection of its own, which is opened again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
import structlog

log = structlog.get_logger()

Connected = psycopg.AsyncConnection[tuple[Any, ...]]

PAUSE_SECONDS = 0.5
"""Before a lost connection is opened again."""


@dataclass(frozen=True, slots=True)
class Said:
    """A line of the log."""

    event: str
    action: str


async def listen(
    options: Mapping[str, Any],
    channel: str,
    follow: Callable[[Connected], AsyncGenerator[None]],
    *,
    lost: Said,
    again: Said,
) -> None:
    """Follow each connection that listens, without an end.

    Args:
        options: of the connection, as psycopg has them.
        channel: the one to listen to.
        follow: takes notifications until the connection fails; yields whenever it has caught up.
        lost: logged when connections begin to fail.
        again: logged when one has caught up again.
    """
    is_lost = False
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(
                **options, autocommit=True
            ) as connection:
                await connection.execute(f"LISTEN {channel}")
                async for _ in follow(connection):
                    if is_lost:
                        log.info(again.event, action=again.action)
                    is_lost = False
        except (psycopg.Error, OSError, TimeoutError) as error:
            if not is_lost:
                log.warning(lost.event, action=lost.action, error=type(error).__name__)
            is_lost = True
        await asyncio.sleep(PAUSE_SECONDS)
