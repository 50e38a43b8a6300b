"""Runs inside a mount and a network namespace whose only name server never answers.

`test_hanging_lookups.py` starts it with pytest. The system's own resolver hangs there, as it does
for a name whose name servers an attacker runs.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from tests.accounts import admin_of, make_user
from tests.conftest import MakeServer
from tests.http.asking import picture
from tests.remote import Remote, answered
from tests.waiting import until

RESOLV_CONF = "nameserver 127.0.0.1\noptions timeout:30 attempts:2\n"


@pytest.fixture
def silent_dns(tmp_path: Path) -> Iterator[Callable[[], int]]:
    """A name server that accepts queries and answers none; it counts them."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    (tmp_path / "resolv.conf").write_text(RESOLV_CONF)
    subprocess.run(["mount", "--bind", tmp_path / "resolv.conf", "/etc/resolv.conf"], check=True)
    questions: list[bytes] = []
    is_over = threading.Event()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 53))
        listening.settimeout(0.1)

        def take() -> None:
            while not is_over.is_set():
                with contextlib.suppress(TimeoutError):
                    questions.append(listening.recv(4096))

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        yield lambda: len(set(questions))
        is_over.set()
        thread.join()


def test_names_of_one_user_that_never_resolve_stop_no_other_user(
    make_server: MakeServer, silent_dns: Callable[[], int]
) -> None:
    """Twenty names hang; another user's import by name, keys and webhooks still work."""
    remote = Remote()
    server = make_server(
        auth="required", rate_limits="off", workers=1, allow_url_import="true",
        url_import_ports=f"[{remote.port}]", url_import_timeout="100s",
        url_import_allow='["127.0.0.0/8", "::1/128"]',
    )  # fmt: skip
    admin = admin_of(server)
    ann, bob = (make_user(server, admin, name) for name in ("ann", "bob"))

    def hang(number: int) -> int:
        url = f"http://hang{number}.example:{remote.port}/"
        with httpx2.Client(timeout=200.0, headers=ann.client.headers) as client:
            answer = client.post(f"{server.client.base_url}/api/v1/images", json={"url": url})
        return answer.status_code

    with ThreadPoolExecutor(20) as threads:
        hanging = [threads.submit(hang, number) for number in range(20)]
        until(lambda: silent_dns() >= 4)

        url = remote.url("/a.jpg", answered(picture(1)), host="localhost")
        taken = bob.client.post("/api/v1/images", json={"url": url})
        hook = bob.client.post("/api/v1/webhooks", json={"url": "http://localhost:1/"})

        assert taken.status_code == 201, taken.text
        assert hook.status_code == 400, hook.text  # looked up, and no public address
        assert {end.result() for end in hanging} <= {422, 503}
    figures = admin.client.get("/metrics").text
    assert "imagesvc_lookups_stuck 4.0" in figures
    again = ann.client.post("/api/v1/images", json={"url": f"http://x.example:{remote.port}/"})
    assert again.status_code == 503
    assert server.stop() == 0
