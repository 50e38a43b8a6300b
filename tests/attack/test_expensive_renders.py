"""Strangers request expensive renders from an open server: other requests are served meanwhile."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx2
import pytest
from PIL import Image

from tests.conftest import MakeServer
from tests.http.asking import assert_problem, noise, picture
from tests.server import Server, new_client
from tests.waiting import PATIENCE, until
from tests.workers.processes import workers

STRANGERS = ("127.0.0.2", "127.0.0.3", "127.0.0.4")
LONG = {"transform_timeout": "120s", "job_timeout": "120s", "workers": 2}
EXPENSIVE = "w={}&h=3000&fit=fill&enlarge=1&format=webp&lossless=1&blur=20"
"""Renders of many seconds each, within the limits."""


@dataclass
class Crowd:
    """Strangers at different addresses, each with concurrent requests."""

    server: Server
    answers: list[httpx2.Response] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)

    def ask(self, address: str, url: str) -> None:
        """Send a request from an address; a response that is late does not count any more."""
        transport = httpx2.HTTPTransport(local_address=address, verify=False)
        with new_client(
            base_url=self.server.client.base_url, transport=transport, timeout=3 * PATIENCE
        ) as client:
            answer = client.get(url)
        if not self.is_over.is_set():
            self.answers.append(answer)


def gif(frames: int, side: int) -> bytes:
    """An animation of noise in four colours."""
    pictures = [Image.effect_noise((side, side), 90).quantize(4) for _ in range(8)]
    file = io.BytesIO()
    pictures[0].save(
        file, "GIF", save_all=True, append_images=[pictures[n % 8] for n in range(1, frames)]
    )
    return file.getvalue()


def ready(server: Server, content: bytes, name: str = "a.jpg") -> str:
    """Upload a picture and wait for its job; returns its URL."""
    image = server.upload(content, name)
    server.finished(image["job"]["id"])
    return f"/images/{image['id']}"


@contextmanager
def crowded(server: Server, urls: list[str]) -> Iterator[Crowd]:
    """Strangers request these meanwhile; on entry all workers that they can occupy are busy."""
    crowd = Crowd(server)
    with ThreadPoolExecutor(len(urls)) as threads:
        for number, url in enumerate(urls):
            threads.submit(crowd.ask, STRANGERS[number % len(STRANGERS)], url)
        until(lambda: running(server) > 0 and waiting(server) >= len(urls) - 3)
        yield crowd
        crowd.is_over.set()
        server.kill()


def running(server: Server) -> float:
    """The number of calls in workers."""
    return figure(server, "imagesvc_renders_running")


def waiting(server: Server) -> float:
    """The number of calls that wait for a worker."""
    return figure(server, "imagesvc_renders_waiting")


def figure(server: Server, name: str) -> float:
    """The value of one metric."""
    lines = server.client.get("/metrics").text.splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(f"{name} ")))


@pytest.mark.parametrize("number_of_workers", [1, pytest.param(2, marks=pytest.mark.long)])
def test_expensive_renders_do_not_stop_new_work(
    make_server: MakeServer, number_of_workers: int
) -> None:
    """Twenty are requested at once.

    Uploads, thumbnails and a new size are done before all of them.
    """
    server = make_server(**LONG | {"workers": number_of_workers})
    expensive, plain = ready(server, noise((800, 600))), ready(server, picture(1))

    with crowded(server, [f"{expensive}?{EXPENSIVE.format(4000 + n)}" for n in range(20)]) as crowd:
        uploaded = server.upload(picture(2))
        new = server.client.get(f"{plain}?w=123")
        thumbnail = server.client.get(f"/images/{uploaded['id']}/thumbnail")
        hot = server.client.get(f"{plain}?w=123")
        done = len(crowd.answers)

    assert [it.status_code for it in (new, thumbnail, hot)] == [200, 200, 200]
    assert done < 10


@pytest.mark.breadth
@pytest.mark.long  # test_admission.py covers the turns of requesters
def test_a_user_of_expensive_renders_waits_for_one_of_each_other(make_server: MakeServer) -> None:
    """Three strangers have twenty each in the queue; a fourth is served after one of each."""
    server = make_server(**LONG | {"workers": 1})
    expensive = ready(server, noise((400, 300)))
    query = "w={}&h=1500&fit=fill&enlarge=1&format=webp&lossless=1"

    urls = [f"{expensive}?{query.format(1200 + n)}" for n in range(24)]
    with crowded(server, urls) as crowd:
        answer = server.client.get(f"{expensive}?{query.format(1500)}")
        done = len(crowd.answers)

    assert answer.status_code == 200
    assert done < len(urls) / 2


def test_a_render_that_cannot_finish_is_refused_immediately(make_server: MakeServer) -> None:
    """Such a render reached its time limit and occupied a worker until then."""
    server = make_server(workers=1, eager_presets="[]", transform_timeout="30s", job_timeout="60s")
    query = "rotate=7&format=webp&lossless=1"
    image = server.upload(gif(500, 340), "a")
    server.finished(image["job"]["id"])
    before = workers(server)

    answer = server.client.get(f"/images/{image['id']}?{query}")
    job = server.client.post(
        "/api/v1/images/actions/process", json={"id": image["id"], "operations": [query] * 4}
    )

    assert_problem(answer, 422, "too_costly")
    assert "30 s" in answer.json()["detail"]
    assert_problem(job, 422, "too_costly")
    assert "60 s" in job.json()["detail"]
    assert workers(server) == before


@pytest.mark.breadth
def test_an_expensive_render_ends_when_its_clients_disconnect(make_server: MakeServer) -> None:
    """A script that disconnects would otherwise occupy a worker without a connection."""
    server = make_server(**LONG)
    expensive = ready(server, noise((800, 600)))
    connections = [asking(server, f"{expensive}?{EXPENSIVE.format(4000)}") for _ in range(3)]
    until(lambda: running(server) == 1)

    connections.pop().close()
    assert running(server) == 1
    for connection in connections:
        connection.close()

    until(lambda: running(server) == 0)
    assert server.client.get(f"{expensive}?w=50").status_code == 200


def asking(server: Server, url: str) -> socket.socket:
    """A connection with a pending request."""
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.sendall(f"GET {url} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return connection
