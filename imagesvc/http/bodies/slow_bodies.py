"""Bodies that arrive slowly: at their end, the rights of their sender are looked up again.

A credential is checked before the body is read. A sender of a slow body would keep rights that
have been withdrawn meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from starlette.types import Message, Receive

SECONDS = 0.1
"""The time from the head to the end of a body that is not slow."""


@dataclass(slots=True)
class SlowBody:
    """Receives the messages of a request, whose rights were just looked up."""

    receive: Receive
    check: Callable[[float], Awaitable[None]]
    """Looks the rights up again; its argument is the seconds that have passed."""
    _began_at: float = field(default_factory=time.monotonic)
    _is_refused: bool = False

    async def __call__(self) -> Message:
        """The next message; the last one of a slow body comes after the check.

        Raises:
            ImagesvcError: the rights have been withdrawn; the body is over.
        """
        if self._is_refused:
            return {"type": "http.request", "body": b"", "more_body": False}
        message = await self.receive()
        passed = time.monotonic() - self._began_at
        if _is_end(message) and passed >= SECONDS:
            self._is_refused = True
            await self.check(passed)
            self._is_refused = False
        return message


def _is_end(message: Message) -> bool:
    return message["type"] == "http.request" and not message.get("more_body", False)
