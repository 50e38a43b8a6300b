"""After a restore, an operator decides when webhooks are sent again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import structlog
from anyio import to_thread

POLL_SECONDS = 2.0

log = structlog.get_logger()


async def wait_for_release(path: Path) -> None:
    """Wait while the file of a restore exists; without it, return immediately."""
    if not await to_thread.run_sync(path.exists):
        return
    log.warning(
        "webhooks are held since this data directory was restored; remove the file when the old "
        "server does not run any more",
        action="webhooks.held",
        path=str(path),
    )
    while await to_thread.run_sync(path.exists):  # noqa: ASYNC110  # an operator removes a file
        await asyncio.sleep(POLL_SECONDS)
    log.info("webhooks are sent again", action="webhooks.released")
