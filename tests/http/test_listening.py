"""A server at a Unix socket, and at sockets that another process keeps."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from starlette.responses import PlainTextResponse

from imagesvc.client import Client
from imagesvc.server import protocol
from tests import commands
from tests.http.asking import picture
from tests.http.large import large
from tests.in_process import serving as serving_app
from tests.server import PATIENT, new_client
from tests.waiting import PATIENCE, until


class Serving:
    """`imagesvc serve` without an address."""

    def __init__(self, folder: Path, *, passed: socket.socket | None = None, **settings: Any):
        wanted = {"data_dir": folder / "data", "auth": "off", "workers": 1, **PATIENT, **settings}
        self.log_path = folder / "serve.log"
        with self.log_path.open("ab") as log, Path(os.devnull).open("rb") as nothing:
            self.process = commands.start(
                "serve", directory=folder, streams=(nothing, log, log), listening=passed, **wanted
            )

    def log(self) -> str:
        """What it has logged."""
        return self.log_path.read_text()

    def stop(self) -> int:
        """End it as systemd does."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def close(self) -> None:
        """End it immediately: the test is over."""
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def at_socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Serving, Path]]:
    """A server at a Unix socket, and its path."""
    folder = tmp_path_factory.mktemp("unix")
    path = folder / "imagesvc.sock"
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))  # of a server that was killed
    left.close()
    serving = Serving(
        folder, uds=path, uds_mode="0620", auth="required", trusted_proxies='["unix"]',
        default_visibility="public", max_upload_size="50MiB",
    )  # fmt: skip
    with contextlib.closing(serving):
        until(lambda: serving.process.poll() is not None or '"service.ready"' in serving.log())
        assert serving.process.poll() is None, serving.log()
        yield serving, path


def connected(path: Path) -> httpx2.Client:
    """A client whose requests go to a Unix socket."""
    transport = httpx2.HTTPTransport(uds=str(path), verify=False)
    return new_client(base_url="http://images.test", transport=transport)


def test_a_unix_socket_has_its_mode_and_serves_large_responses(
    at_socket: tuple[Serving, Path],
) -> None:
    """Only its group may connect; the command asks it by the URL in the lock of the directory."""
    _serving, path = at_socket
    content = large(1)
    assert len(content) > 4 << 20
    file = path.parent / "large.jpg"
    file.write_bytes(content)

    sent = commands.run(
        "upload", "--visibility", "public", "--data-dir", str(path.parent / "data"), str(file),
        directory=path.parent,
    )  # fmt: skip

    assert sent.returncode == 0, sent.stderr
    assert path.stat().st_mode & 0o777 == 0o620
    key = (path.parent / "data" / "admin.key").read_text().strip()
    with Client(f"http+unix://{quote(str(path), safe='')}", key=key) as service:
        (image,) = service.images()
    with connected(path) as client:
        shown = client.get(f"/images/{image.id}?w=1200&q=100")
        again = client.get(f"/images/{image.id}?w=1200&q=100")
    assert image.filename == "large.jpg"
    assert len(shown.content) > 1 << 20
    assert shown.content == again.content


def test_the_proxy_at_a_unix_socket_names_the_client(at_socket: tuple[Serving, Path]) -> None:
    """It has no address of its own."""
    serving, path = at_socket
    with connected(path) as client:
        client.get("/healthz", headers={"x-forwarded-for": "203.0.113.77"})

    until(lambda: '"client":"203.0.113.77"' in serving.log())


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"uds": "used"}, "another process listens on"),
        ({"uds": "file"}, "exists, and is not a socket"),
        ({"uds": "x" * 120}, "longer than 107 bytes"),
        ({"uds": "no/such/folder"}, "cannot listen on"),
        ({"fd": "systemd"}, "no sockets were passed"),
        ({"fd": "77"}, "no descriptor 77"),
        ({"fd": "0"}, "must be systemd"),
        ({"fd": "3", "uds": "a"}, "together with uds"),
        ({"uds": "a", "arguments": ["--port", "8000"]}, "--host and --port have no effect"),
    ],
)
def test_sockets_that_cannot_be_used_are_named(
    tmp_path: Path, settings: dict[str, Any], word: str
) -> None:
    """In one line, before the service starts."""
    (tmp_path / "file").write_text("")
    with socket.socket(socket.AF_UNIX) as used:
        used.bind(str(tmp_path / "used"))
        used.listen()
        arguments = settings.pop("arguments", [])

        ended = commands.run("serve", *arguments, directory=tmp_path, auth="off", **settings)

    assert ended.returncode != 0
    assert word in ended.stderr + ended.stdout
    assert "Traceback" not in ended.stderr


def test_no_request_is_refused_while_the_process_is_replaced(tmp_path: Path) -> None:
    """The parent keeps the socket: connections wait until the next process accepts them."""
    with contextlib.ExitStack() as stack, socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))
        kept.listen(1024)
        base = f"http://127.0.0.1:{kept.getsockname()[1]}"

        def started(fd: str) -> Serving:
            return stack.enter_context(contextlib.closing(Serving(tmp_path, passed=kept, fd=fd)))

        serving = started("systemd")
        with new_client(base_url=base) as client:
            image_id = client.post("/api/v1/images", content=picture()).json()["id"]
        with requesting(f"{base}/images/{image_id}") as results:
            for fd in ("3", "systemd"):
                before = len(results)
                until(lambda: len(results) > before + 30)  # noqa: B023  # is called here
                assert serving.stop() == 0
                serving = started(fd)
            last = len(results)
            until(lambda: len(results) > last + 30)

    assert {result for result in results if result != 200} == set()
    assert serving.log().count('"service.ready"') == 3


@contextlib.contextmanager
def requesting(url: str) -> Iterator[list[int | str]]:
    """Request a picture in four threads during the context; returns the growing results."""
    results: list[int | str] = []
    ended = threading.Event()
    lanes = [threading.Thread(target=request_until, args=(url, ended, results)) for _ in range(4)]
    for lane in lanes:
        lane.start()
    try:
        yield results
    finally:
        ended.set()
        for lane in lanes:
            lane.join()


def request_until(url: str, ended: threading.Event, results: list[int | str]) -> None:
    """Request a picture again and again, each time on a new connection."""
    while not ended.is_set():
        try:
            with new_client() as client:
                results.append(client.get(url).status_code)
        except httpx2.TransportError as error:
            results.append(repr(error))


def test_a_connection_without_a_request_is_answered_at_the_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its client could not know that its first request meets the end of the server."""
    monkeypatch.setattr(protocol, "FIRST_REQUEST_SECONDS", PATIENCE)
    with (
        serving_app(PlainTextResponse("here"), lambda _scope, _fields: None) as (running, port),
        socket.create_connection(("127.0.0.1", port), PATIENCE) as connection,
    ):
        until(lambda: running.server_state.connections)

        running.should_exit = True
        until(lambda: not running.servers[0].is_serving())
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")

        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"connection: close\r\n" in answer.lower()
