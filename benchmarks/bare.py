"""The least that uvicorn can do: send bytes and headers that are ready in memory."""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

_ADDED_BY_UVICORN = (b"date", b"server")


def application(headers: list[tuple[bytes, bytes]], body: bytes) -> ASGIApp:
    """An ASGI application of two messages."""
    start = {"type": "http.response.start", "status": 200, "headers": headers}
    rest = {"type": "http.response.body", "body": body}

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - ASGI
        await send(start)
        await send(rest)

    return answer


def main() -> None:
    """Serve the answer in a file on a port: `bare.py PORT FILE`."""
    head, _, body = Path(sys.argv[2]).read_bytes().partition(b"\n\n")
    pairs = [line.split(b": ", 1) for line in head.splitlines()]
    names = {name for name, _ in pairs}
    uvicorn.run(
        application([(n, v) for n, v in pairs if n not in _ADDED_BY_UVICORN], body),
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=b"server" in names,
        date_header=b"date" in names,
    )


if __name__ == "__main__":
    main()
