"""Clients that send requests and do not read: their unsent data is limited, and freed."""

from __future__ import annotations

import contextlib
import io
import os
import random
import resource
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.breadth import represented
from tests.conftest import MakeServer
from tests.server import Server
from tests.waiting import PATIENCE, until

DESCRIPTORS = 8192
MIB = 1 << 20


@contextlib.contextmanager
def many_descriptors() -> Iterator[None]:
    """Room for a thousand connections in this process and in the servers it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(autouse=True)
def _many_descriptors() -> Iterator[None]:
    with many_descriptors():
        yield


def large_picture(seed: int = 0, side: int = 1700) -> bytes:
    """A JPEG of noise: nearly three bytes a pixel, also of its variants of this quality."""
    pixels = random.Random(seed).randbytes(side * side * 3)
    out = io.BytesIO()
    Image.frombytes("RGB", (side, side), pixels).save(out, "JPEG", quality=100)
    return out.getvalue()


def memory_of(server: Server) -> int:
    """Resident bytes of the server process."""
    pages = Path(f"/proc/{server.pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def patience(connections: int) -> dict[str, Any]:
    """The settings of a server that waits long for clients to read."""
    return {
        "max_connections": connections + 50, "max_connections_per_address": connections + 50,
        "send_timeout": "600s", "keep_alive_timeout": "600s", "default_visibility": "public",
        "eager_presets": "[]",
    }  # fmt: skip


def patient(make_server: MakeServer, connections: int, **settings: object) -> Server:
    """A server with memory of its own that waits long for clients to read."""
    return make_server(has_own_interpreter=True, **patience(connections), **settings)


@pytest.fixture(scope="module")
def asked_for(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Server, dict[str, str], int]]:
    """A server with long time-outs, URLs of 8 MB each, and its memory before the requests."""
    server = Server(tmp_path_factory.mktemp("unread") / "data", **patience(150))
    server.open_files = DESCRIPTORS
    server.start()
    image = server.upload(large_picture(), "a.jpg")
    server.finished(image["job"]["id"])
    original = f"/images/{image['id']}"
    hot = warmed(server, image["id"], "w=1690&format=jpeg&q=100&exact=1")
    yield server, {"original": original, "hot": hot}, memory_of(server)
    server.close()


def warmed(server: Server, image_id: str, query: str) -> str:
    """The URL of a variant that is in memory."""
    url = f"/images/{image_id}?{query}"
    for _ in range(3):
        assert server.client.get(url).status_code == 200
    return url


def asked(server: Server, url: str, times: int = 1) -> socket.socket:
    """A connection with a small window that sends a request and does not read."""
    connection = socket.socket()
    connection.settimeout(PATIENCE)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", server.port))
    connection.sendall(f"GET {url} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() * times)
    return connection


def hold(server: Server, url: str, count: int, times: int) -> tuple[int, int]:
    """The peak memory while this many clients do not read, and the memory after they disconnect."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(asked(server, url, times)) for _ in range(count)]
        for client in clients:
            assert client.recv(1) == b"H"  # it has begun to answer each
        most = memory_of(server)
        for _ in range(20):  # it goes on answering, and holds no more for it
            assert server.client.get("/healthz").status_code == 200
            most = max(most, memory_of(server))
    until(lambda: len(server.held()) <= 1)  # that of the server's own client
    return most, memory_of(server)


@pytest.mark.parametrize(
    ("kind", "times"), represented((("hot", 1), ("hot", 3), ("original", 1)), ("hot", 3))
)
def test_clients_that_do_not_read_share_what_is_sent(
    asked_for: tuple[Server, dict[str, str], int], kind: str, times: int
) -> None:
    """A body of 8 MB is in memory once, not once for each of them."""
    server, urls, idle = asked_for

    most, _ = hold(server, urls[kind], 150, times)

    assert most - idle < 100 * MIB
    until(lambda: memory_of(server) - idle < 30 * MIB)


@pytest.mark.long
@pytest.mark.parametrize(("kind", "times"), [("hot", 1), ("hot", 3), ("original", 1)])
def test_a_thousand_clients_that_do_not_read_take_no_memory(
    make_server: MakeServer, kind: str, times: int
) -> None:
    """The server stays below 400 MB, and returns below 150 MB."""
    server = patient(make_server, 1000)
    image = server.upload(large_picture(side=1200), "a.jpg")
    server.finished(image["job"]["id"])
    url = f"/images/{image['id']}"
    if kind == "hot":
        url = warmed(server, image["id"], "w=1190&format=jpeg&q=100&exact=1")

    most, _ = hold(server, url, 1000, times)

    assert most < 400_000_000
    until(lambda: memory_of(server) < 150_000_000)


def test_beyond_the_bound_the_slowest_are_cut_off(make_server: MakeServer) -> None:
    """Each different body is in memory; a client that reads still gets its response."""
    server = make_server(**patience(50), max_unsent_size="8MiB")
    image = server.upload(large_picture(side=900), "a.jpg")
    server.finished(image["job"]["id"])
    urls = [
        warmed(server, image["id"], f"w={width}&format=jpeg&q=100&exact=1")
        for width in range(880, 890)
    ]
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(asked(server, url)) for url in urls]
        until(lambda: server.log().count("connection.cut_off") >= len(urls) - 4)
        for url in urls:
            assert len(server.client.get(url).content) > 2 * MIB
        ended = [client for client in clients if is_reset(client)]

    assert len(ended) >= len(urls) - 4


def is_reset(client: socket.socket) -> bool:
    """Whether the server closed the connection before the end of the response."""
    client.settimeout(1)
    received = 0
    try:
        while piece := client.recv(1 << 16):
            received += len(piece)
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False
    return received < 2 * MIB


@pytest.mark.breadth
def test_a_client_that_reads_late_gets_all_of_its_pipeline(make_server: MakeServer) -> None:
    """Each response waits until the one before it is read, and none is lost."""
    server = patient(make_server, 50)
    image = server.upload(large_picture(side=700), "a.jpg")
    server.finished(image["job"]["id"])
    url = warmed(server, image["id"], "w=690&format=jpeg&q=100&exact=1")
    original = f"/images/{image['id']}"
    bodies = [server.client.get(path).content for path in (url, original)]
    received = b""
    with asked(server, url) as client:
        for path in (original, url):
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        last = f"GET {original} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        client.sendall(last.encode())
        assert server.client.get("/healthz").status_code == 200
        while piece := client.recv(1 << 18):
            received += piece

    answers = [
        found.partition(b"\r\n\r\n")[2] for found in received.split(b"HTTP/1.1 200 OK\r\n")[1:]
    ]
    assert answers == [*bodies, *bodies]
