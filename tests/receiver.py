"""A receiver of webhooks and of purges: it stores requests, and answers as configured."""

from __future__ import annotations

import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.waiting import PATIENCE


class Receiver:
    """Receives webhooks at any path; `/slow` answers late, `/held…` when `released` is set."""

    def __init__(self) -> None:
        self.slow_seconds = 0.0
        self.released = threading.Event()
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.statuses: dict[str, list[int]] = {}
        self.retry_after = ""
        """Of responses other than 204, if it is not empty."""
        self.body = b""
        """Of all responses except 204."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["content-length"])
                body = self.rfile.read(length)
                if len(body) < length:  # its sender was killed: nothing was delivered
                    return
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.got.append((self.path, headers, body))
                if self.path == "/slow":
                    time.sleep(receiver.slow_seconds)
                if self.path.startswith("/held"):
                    receiver.released.wait(PATIENCE)
                turns = receiver.statuses.get(self.path, [])
                status = turns.pop(0) if turns else 204
                self.send_response(status)
                if receiver.retry_after and status != HTTPStatus.NO_CONTENT:
                    self.send_header("Retry-After", receiver.retry_after)
                self.end_headers()
                if status != HTTPStatus.NO_CONTENT:
                    self.wfile.write(receiver.body)

            def log_message(self, *_arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path: str, *statuses: int) -> str:
        """A URL that gives these statuses in turn, then 204."""
        self.statuses[path] = list(statuses)
        return f"http://127.0.0.1:{self.server.server_port}{path}"

    def close(self) -> None:
        """Stop the receiver."""
        self.server.shutdown()
        self.server.server_close()

    def at(self, path: str) -> list[tuple[dict[str, str], bytes]]:
        """The deliveries to a path."""
        return [(headers, body) for place, headers, body in self.got if place == path]
