"""A user with a backlog of long jobs: the jobs of other users do not wait for it."""

from __future__ import annotations

import pytest

from tests.accounts import Account, admin_of, make_user
from tests.conftest import MakeServer
from tests.http.asking import noise, picture
from tests.waiting import until

BACKLOG = 50
LONG = "w={}&h=1000&fit=fill&enlarge=1&format=webp&lossless=1"
"""An operation of most of a second for a picture of any size."""


def upload(requester: Account, content: bytes) -> dict[str, str]:
    """An image of a user, from the response of the upload: its id and the id of its job."""
    answer = requester.client.post("/api/v1/images", files={"file": ("a.jpg", content)})
    assert answer.status_code == 201, answer.text
    image = answer.json()
    return {"id": image["id"], "job": image["job"]["id"]}


def fill(owner: Account) -> None:
    """Queue long jobs, and wait until the first of them run."""
    image = upload(owner, noise((400, 300)))
    for number in range(BACKLOG):
        answer = owner.client.post(
            "/api/v1/images/actions/process",
            json={"id": image["id"], "operations": [LONG.format(1200 + number)]},
        )
        assert answer.status_code == 202, answer.text
    until(lambda: count(owner, "processing") > 0)


def count(owner: Account, status: str) -> int:
    """The number of an owner's jobs with this status."""
    return len(owner.client.get(f"/api/v1/jobs?status={status}&limit=200").json()["data"])


@pytest.mark.parametrize("number_of_workers", [1, pytest.param(2, marks=pytest.mark.long)])
def test_a_backlog_does_not_delay_other_users(
    make_server: MakeServer, number_of_workers: int
) -> None:
    """The job of another user's upload ends while nearly all of the backlog waits."""
    server = make_server(
        auth="required", workers=number_of_workers, rate_limits="off", job_timeout="120s"
    )
    admin = admin_of(server)
    greedy, other = (make_user(server, admin, name) for name in ("greedy", "other"))
    fill(greedy)

    before = count(greedy, "succeeded")
    job = upload(other, picture(1))["job"]
    until(lambda: other.client.get(f"/api/v1/jobs/{job}").json()["status"] == "succeeded")
    during = count(greedy, "succeeded") - before

    assert during < BACKLOG / 4
    server.kill()
