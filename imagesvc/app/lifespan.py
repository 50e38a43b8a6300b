"""The lifespan of the application: it opens the service, and closes it at the end."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import structlog
from starlette.applications import Starlette
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imagesvc.errors import ImagesvcError, Overloaded, Unavailable, text_of
from imagesvc.server.metrics.loop_lag import LoopLag
from imagesvc.server.middleware.access import AccessLog
from imagesvc.service.service import Service

log = structlog.get_logger()


class Lifespan:
    """Opens and closes a service; a start that fails is logged in one line."""

    def __init__(self, service: Service, access: AccessLog, lag: LoopLag) -> None:
        self._service = service
        self._lag = lag
        self._access = access
        self.has_logged_failure = False

    @contextlib.asynccontextmanager
    async def run(self, _app: Starlette) -> AsyncIterator[None]:
        """Keep the service open."""
        try:
            await self._service.open()
            with self._lag.measured():
                yield
        except (ImagesvcError, OSError) as error:
            self.has_logged_failure = True
            log.error(
                "cannot start", action="service.failed", code=_code_of(error), error=text_of(error)
            )
            raise
        finally:
            await self._service.close()
            self._access.flush()


def _code_of(error: ImagesvcError | OSError) -> str:
    """The code of a failure; to clients, any part that cannot be used now is `overloaded`."""
    if not isinstance(error, ImagesvcError):
        return ImagesvcError.code
    is_general = error.code == Unavailable.code and not isinstance(error, Overloaded)
    return "unavailable" if is_general else error.code


class LoggedOnce:
    """ASGI middleware that removes the traceback of a failure that the lifespan has logged.

    Starlette sends it to the server, and uvicorn would log it.
    """

    def __init__(self, app: ASGIApp, lifespan: Lifespan) -> None:
        self._app = app
        self._lifespan = lifespan

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application."""
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return

        async def without_traceback(message: Message) -> None:
            is_failure = message["type"] == "lifespan.startup.failed"
            if is_failure and self._lifespan.has_logged_failure:
                message = {**message, "message": ""}
            await send(message)

        await self._app(scope, receive, without_traceback)
