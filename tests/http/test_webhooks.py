"""Webhooks: what a receiver gets, how often, and where nothing is sent."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.http.asking import assert_problem, picture
from tests.server import Server

HOOKS = "/api/v1/webhooks"


class Receiver:
    """Takes webhooks at any path; `/slow` never answers in time, `/gone` wants nothing."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.statuses: dict[str, list[int]] = {}
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.got.append((self.path, headers, body))
                if self.path == "/slow":
                    time.sleep(3)
                turns = receiver.statuses.get(self.path, [])
                self.send_response(turns.pop(0) if turns else 204)
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path: str, *statuses: int) -> str:
        """A URL that gives these statuses in turn, then 204."""
        self.statuses[path] = list(statuses)
        return f"http://127.0.0.1:{self.server.server_port}{path}"

    def at(self, path: str) -> list[tuple[dict[str, str], bytes]]:
        """What came to a path."""
        return [(headers, body) for place, headers, body in self.got if place == path]


def until(is_so: Callable[[], Any], seconds: float = 15.0) -> None:
    """Wait for something that must come true."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """Where webhooks go."""
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


@pytest.fixture(scope="module")
def hooked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that may send to one local address."""
    server = Server(
        tmp_path_factory.mktemp("hooked") / "data", workers=1, webhook_retry_delay="100ms",
        webhook_timeout="1s", webhook_allow='["127.0.0.1/32"]',
    )  # fmt: skip
    yield server.start()
    server.close()


def made(server: Server, url: str, **fields: Any) -> dict[str, Any]:
    """Make a webhook."""
    answer = server.client.post(HOOKS, json={"url": url, **fields})
    assert answer.status_code == 201, answer.text
    hook: dict[str, Any] = answer.json()
    return hook


def test_an_event_comes_signed(hooked: Server, receiver: Receiver) -> None:
    """The receiver can tell who sends, and what happened."""
    hook = made(hooked, receiver.url("/signed"), event_types=["image.created"])
    image = hooked.upload(picture(1))
    until(lambda: receiver.at("/signed"))
    ((headers, body),) = receiver.at("/signed")

    key = base64.b64decode(hook["secret"][len("whsec_") :])
    content = b".".join(
        [headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body]
    )
    expected = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    assert len(key) == 32
    assert headers["webhook-signature"] == f"v1,{expected}"
    document = json.loads(body)
    assert set(document) == {"type", "timestamp", "id", "data"}
    assert document["type"] == "image.created"
    assert document["data"]["image_id"] == image["id"]
    assert "secret" not in hooked.client.get(f"{HOOKS}/{hook['id']}").json()


def test_a_failure_is_tried_again_and_a_success_replayed(
    hooked: Server, receiver: Receiver
) -> None:
    """Under one id, by which a receiver tells what it has."""
    hook = made(hooked, receiver.url("/retried", 500, 302), event_types=["image.deleted"])
    one = f"{HOOKS}/{hook['id']}"
    assert hooked.client.post(f"{one}/test").status_code == 202

    def delivery() -> dict[str, Any]:
        found: dict[str, Any] = hooked.client.get(f"{one}/deliveries").json()["data"][0]
        return found

    until(lambda: delivery()["status"] == "succeeded")
    assert (delivery()["attempts"], delivery()["answer_status"]) == (3, 204)
    again = hooked.client.post(f"{one}/deliveries/{delivery()['id']}/replay")
    assert again.status_code == 202
    until(lambda: len(receiver.at("/retried")) == 4)
    assert {headers["webhook-id"] for headers, _ in receiver.at("/retried")} == {delivery()["id"]}


def test_who_is_gone_is_sent_nothing_more(hooked: Server, receiver: Receiver) -> None:
    """410 disables, as PATCH does."""
    hook = made(hooked, receiver.url("/gone", 410), event_types=["image.deleted"])
    one = f"{HOOKS}/{hook['id']}"
    hooked.client.post(f"{one}/test")

    until(lambda: hooked.client.get(one).json()["is_enabled"] is False)
    assert_problem(hooked.client.post(f"{one}/test"), 409, "conflict")
    assert len(receiver.at("/gone")) == 1


@pytest.mark.parametrize(
    "host", ["[::1]", "[::ffff:127.0.0.2]", "169.254.169.254", "127.0.0.2", "localhost:0"]
)
def test_private_addresses_are_refused(hooked: Server, host: str) -> None:
    """A webhook must not reach inside."""
    answer = hooked.client.post(HOOKS, json={"url": f"http://{host}/"})

    assert assert_problem(answer, 400, "invalid_request")["errors"][0]["loc"] == "url"


def test_a_slow_receiver_holds_up_nobody(hooked: Server, receiver: Receiver) -> None:
    """Two of its deliveries at most are under way."""
    slow = made(hooked, receiver.url("/slow"), event_types=["image.deleted"])
    quick = made(hooked, receiver.url("/quick"), event_types=["image.deleted"])
    for _ in range(20):
        hooked.client.post(f"{HOOKS}/{slow['id']}/test")
    hooked.client.post(f"{HOOKS}/{quick['id']}/test")

    until(lambda: receiver.at("/quick"), 0.9)
    hooked.client.delete(f"{HOOKS}/{slow['id']}").raise_for_status()
