"""Servers to import images from: each response is bytes, or a function of the socket."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable

from tests.waiting import PATIENCE

Answer = bytes | Callable[[socket.socket], object]


class Remote:
    """An HTTP server in a thread, with a response for each path."""

    def __init__(
        self, host: str = "127.0.0.1", port: int = 0, context: ssl.SSLContext | None = None
    ) -> None:
        self.answers: dict[str, Answer] = {}
        self.requests: list[str] = []
        self.names: list[str | None] = []
        """The hosts that TLS clients requested (SNI)."""
        self.scheme = "http" if context is None else "https"
        self._context = context
        if context is not None:
            context.sni_callback = lambda _socket, name, _context: self.names.append(name)
        self._socket = socket.create_server((host, port))
        self.host, self.port = self._socket.getsockname()[:2]
        self._is_open = True
        threading.Thread(target=self._serve, daemon=True).start()

    def url(self, path: str, answer: Answer | None = None, *, host: str = "") -> str:
        """The URL of a path, which has this response from now on."""
        if answer is not None:
            self.answers[path.partition("?")[0]] = answer
        return f"{self.scheme}://{host or self.host}:{self.port}{path}"

    def close(self) -> None:
        """Stop the server."""
        self._is_open = False
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self) -> None:
        while self._is_open:
            try:
                connection, _address = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.enter_context(connection)
            connection.settimeout(PATIENCE)
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
                stack.enter_context(connection)
            request = b""
            while b"\r\n\r\n" not in request:
                piece = connection.recv(65536)
                if not piece:
                    return
                request += piece
            self.requests.append(request.decode())
            path = request.split()[1].decode().partition("?")[0]
            answer = self.answers.get(path, answered(b"nothing", status="404 Not Found"))
            if callable(answer):
                answer(connection)
            else:
                connection.sendall(answer)
                connection.shutdown(socket.SHUT_WR)
                connection.recv(1)


def answered(
    body: bytes, *headers: str, status: str = "200 OK", length: int | None = None
) -> bytes:
    """A complete response; its Content-Length may be wrong."""
    size = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {size}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def redirected(to: str, status: str = "302 Found") -> bytes:
    """A redirect."""
    return answered(b"", f"Location: {to}", status=status)


def dripping(body: bytes, seconds: float) -> Callable[[socket.socket], None]:
    """A response that arrives byte by byte, with a pause after each."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        pause = threading.Event()
        for byte in body:
            connection.sendall(bytes([byte]))
            pause.wait(seconds)

    return answer


def endless(connection: socket.socket) -> None:
    """A JPEG that never ends."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n\xff\xd8\xff\xe0")
    while True:
        connection.sendall(bytes(65536))


def silent(connection: socket.socket) -> None:
    """No response until the client disconnects."""
    connection.recv(1)
