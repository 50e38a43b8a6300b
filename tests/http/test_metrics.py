"""Metrics for an operator: what is refused, what waits, and what they mean."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from imagesvc.model.noted import RouteClass
from tests.accounts import PASSWORD, Account, log_in, make_user
from tests.conftest import MakeServer
from tests.receiver import Receiver
from tests.server import Server, new_client
from tests.waiting import until

pytestmark = pytest.mark.joint

DOCS = (Path(__file__).parents[2] / "docs" / "monitoring.md").read_text("utf-8")
ABSENT = ("cdn_", "last_backup_", "source_last_", "worker_has_room")
"""The beginnings of names that this server does not show: some have no value, one is of workers."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Where webhooks go."""
    receiver = Receiver()
    yield receiver
    receiver.close()


def metrics(client: httpx2.Client) -> dict[str, float]:
    """Every metric with its labels."""
    lines = client.get("/metrics").text.splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name.removeprefix("imagesvc_"): float(value) for name, value in pairs}


@pytest.mark.breadth
def test_logins_that_are_refused_are_counted(guarded: Server, admin: Account) -> None:
    """Somebody who guesses passwords, or has a stolen refresh token, shows."""
    make_user(guarded, admin, "guessed", password=PASSWORD)
    wrong = {"username": "guessed", "password": "not the right one"}
    refresh = {
        "grant_type": "refresh_token",
        "refresh_token": log_in(guarded, "guessed")["refresh_token"],
    }
    before = metrics(admin.client)

    guarded.client.post("/api/v1/auth/token", data=wrong)
    for _ in range(2):
        guarded.client.post("/api/v1/auth/token", data=refresh)

    after = metrics(admin.client)
    for reason in ("password", "refresh_token"):
        name = f'logins_refused_total{{for="{reason}"}}'
        assert after[name] == before.get(name, 0) + 1


def test_streams_and_webhooks_are_counted(make_server: MakeServer, receiver: Receiver) -> None:
    """A receiver that is down shows as attempts that are made again and deliveries that wait."""
    server = make_server(workers=1, webhook_retry_delay="1h", webhook_allow='["127.0.0.1/32"]')
    up, down = (
        server.client.post("/api/v1/webhooks", json={"url": url}).json()["id"]
        for url in (receiver.url("/ok"), "http://127.0.0.1:9/")
    )
    with server.client.stream("GET", "/api/v1/events") as stream:
        lines = stream.iter_lines()  # kept: it closes the stream at its end
        next(lines)
        with new_client(base_url=server.client.base_url) as client:
            assert metrics(client)["event_streams"] == 1
    for hook in (up, down):
        server.client.post(f"/api/v1/webhooks/{hook}/test")

    def are_tried() -> bool:
        found = metrics(server.client)
        return (
            found.get('webhook_attempts_total{status="succeeded"}') == 1
            and found.get('webhook_attempts_total{status="pending"}') == 1
        )

    until(are_tried)
    until(lambda: metrics(server.client)["webhook_deliveries_waiting"] == 1)
    until(lambda: metrics(server.client)["event_streams"] == 0)


@pytest.mark.embedded
def test_every_metric_has_its_row_in_the_documentation(guarded: Server, admin: Account) -> None:
    """A number without a meaning wakes people for nothing."""
    guarded.client.post("/api/v1/auth/token", data={"username": "nobody", "password": "x" * 12})
    section = DOCS.partition("## Metrics")[2].partition("\n## ")[0]
    rows = [row.split("|")[1] for row in section.splitlines() if row.startswith("| `")]
    told = set(re.findall(r"`([a-z_]+)`", " ".join(rows)))
    found = {name.partition("{")[0] for name in metrics(admin.client)}
    found = {re.sub("_(bucket|sum|count)$", "", name) for name in found}

    assert found <= told
    absent = {name for name in told if name.startswith(ABSENT)}
    unused = told - found - absent
    assert unused == set(RouteClass)
