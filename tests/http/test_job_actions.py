"""Many jobs at once: counts by status, and retries by id and by status."""

from __future__ import annotations

from typing import Any

import pytest

from tests.accounts import Account, make_user
from tests.http.asking import damaged, picture
from tests.server import Server
from tests.waiting import until

pytestmark = pytest.mark.joint

SUMMARY, RETRY = "/api/v1/jobs/summary", "/api/v1/jobs/actions/retry"
NO_ID = "0190c0de-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def ada(guarded: Server, admin: Account) -> Account:
    """A user with two failed jobs and one that has succeeded."""
    account = make_user(guarded, admin, "ada")
    for content in (damaged(1), damaged(2), picture(1)):
        assert account.client.post("/api/v1/images", files={"file": ("a", content)}).is_success
    ended(account, {"succeeded": 1, "failed": 2})
    return account


def counts(account: Account, **query: str) -> dict[str, int]:
    """The numbers of jobs, without those that are zero."""
    shown = account.client.get(SUMMARY, params=query).json()["counts"]
    return {status: count for status, count in shown.items() if count}


def ended(account: Account, expected: dict[str, int]) -> None:
    """Wait until the jobs have these statuses."""
    until(lambda: counts(account) == expected)


def failed(account: Account) -> list[dict[str, Any]]:
    """The failed jobs."""
    jobs: list[dict[str, Any]] = account.client.get("/api/v1/jobs?status=failed").json()["data"]
    return jobs


def test_jobs_are_counted_by_status(guarded: Server, admin: Account, ada: Account) -> None:
    """Those of the requester; admins see all, and may ask for one owner."""
    bob = make_user(guarded, admin, "bob")

    assert counts(ada) == {"succeeded": 1, "failed": 2}
    assert counts(bob) == {}
    assert counts(admin)["failed"] >= 2
    assert counts(admin, owner=ada.id) == {"succeeded": 1, "failed": 2}
    assert counts(admin, owner=bob.id) == {}
    assert bob.client.get(SUMMARY, params={"owner": ada.id}).status_code == 403
    assert ada.client.get(SUMMARY).json()["oldest_pending_seconds"] is None


def test_failed_jobs_are_retried_by_status(guarded: Server, admin: Account, ada: Account) -> None:
    """Each once: that they fail again does not repeat them."""
    eve = make_user(guarded, admin, "eve")
    before = {job["id"]: job["finished_at"] for job in failed(ada)}

    assert eve.client.post(RETRY, json={"status": "failed"}).json()["retried"] == 0
    result = ada.client.post(RETRY, json={"status": "failed"})
    ended(ada, {"succeeded": 1, "failed": 2})

    assert result.json() == {"retried": 2, "failed": 0, "problems": []}
    assert all(job["finished_at"] > before[job["id"]] for job in failed(ada))
    assert ada.client.post(RETRY, json={"status": "cancelled"}).json()["retried"] == 0


def test_jobs_are_retried_by_id(guarded: Server, admin: Account, ada: Account) -> None:
    """Those that cannot be are named, and do not hinder the others."""
    zoe = make_user(guarded, admin, "zoe")
    ids = [job["id"] for job in failed(ada)]
    (done,) = ada.client.get("/api/v1/jobs?status=succeeded").json()["data"]
    asked = {"ids": [*ids, done["id"], NO_ID, "nonsense", ids[0]]}

    result = ada.client.post(RETRY, json=asked).json()
    for_others = zoe.client.post(RETRY, json=asked).json()
    ended(ada, {"succeeded": 1, "failed": 2})

    assert (result["retried"], result["failed"]) == (2, 3)
    assert {item["id"]: item["status"] for item in result["problems"]} == {
        done["id"]: 409, NO_ID: 404, "nonsense": 404
    }  # fmt: skip
    assert (for_others["retried"], for_others["failed"]) == (0, 5)
    assert {item["status"] for item in for_others["problems"]} == {404}


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "body"), ({"ids": []}, "ids"), ({"ids": [NO_ID] * 1001}, "ids"),
        ({"ids": [NO_ID], "status": "failed"}, "body"), ({"status": "succeeded"}, "status"),
        ({"status": "failed", "owner": "x"}, "owner"), ({"ids": [NO_ID], "owner": NO_ID}, "body"),
        ({"ids": "x"}, "ids"), ({"status": "failed", "q": "x"}, "q"),
    ],
)  # fmt: skip
def test_bad_retries_are_refused(ada: Account, body: dict[str, Any], place: str) -> None:
    """The problem names the field."""
    answer = ada.client.post(RETRY, json=body)

    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"][0]["loc"] == place
