"""A relay between a browser and a server that cuts connections during uploads."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import Literal

from tests.waiting import PATIENCE

Cut = Literal["request", "response"]
"""Cut in the middle of the request, or when the response arrives."""
UPLOAD = b"POST /api/v1/images HTTP"
PIECE = 1 << 16
PART = 1_000
"""Bytes of a request that is cut."""
KEPT, CLOSED = b"\r\nConnection: keep-alive\r\n", b"\r\nConnection: close     \r\n"
RESET = struct.pack("ii", 1, 0)


class Relay:
    """Forwards connections to a server; the next uploads are cut as `cuts` says.

    No connection is used for a second request: Chromium itself sends a request again if a reused
    connection is cut.
    """

    def __init__(self, port: int) -> None:
        self.cuts: list[Cut] = []
        self._target = ("127.0.0.1", port)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Accept no more connections."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _address = self._socket.accept()
                _Connection(client, socket.create_connection(self._target), self.cuts).start()


class _Connection:
    """A connection of the browser, and the connection to the server that belongs to it."""

    def __init__(self, client: socket.socket, server: socket.socket, cuts: list[Cut]) -> None:
        self._client = client
        self._server = server
        self._cuts = cuts
        self._cut: Cut | None = None
        for end in (client, server):
            end.settimeout(PATIENCE)

    def start(self) -> None:
        """Forward both directions, in a thread each."""
        for forward in (self._requests, self._responses):
            threading.Thread(target=forward, daemon=True).start()

    def _requests(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._client.recv(PIECE).replace(KEPT, CLOSED):
                if data.startswith(UPLOAD) and self._cuts:
                    self._cut = self._cuts.pop(0)
                if self._cut == "request":
                    self._server.sendall(data[:PART])
                    break
                self._server.sendall(data)
        self._close()

    def _responses(self) -> None:
        with contextlib.suppress(OSError):
            while (data := self._server.recv(PIECE)) and self._cut is None:
                self._client.sendall(data)
        self._close()

    def _close(self) -> None:
        """Reset the connection of the browser, if it is open."""
        for end in (self._client, self._server):
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                end.shutdown(socket.SHUT_RDWR)
            end.close()
