"""Events as a stream: what is told, in which order, and how a reader comes back."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time
from typing import Any

import httpx2
import pytest

from imagesvc.api.events import MAX_STREAMS, MAX_STREAMS_OF_ONE
from tests.accounts import PASSWORD, Account, make_user
from tests.conftest import MakeServer
from tests.crash.traffic import rows
from tests.http.asking import assert_problem, damaged, noise, picture
from tests.http.people import upload
from tests.server import Server, new_client
from tests.sessions import EVERY, ONE, browser_of
from tests.waiting import PATIENCE, until
from tests.workers.processes import busy

pytestmark = pytest.mark.joint

EVENTS = "/api/v1/events"


def read(
    client: httpx2.Client,
    until: str,
    *,
    last: str | None = None,
    count: int = 1,
    **query: str | list[str],
) -> list[dict[str, Any]]:
    """Events up to the `count`-th of a type."""
    headers = {} if last is None else {"Last-Event-ID": last}
    found: list[dict[str, Any]] = []
    with client.stream("GET", EVENTS, headers=headers, params=query, timeout=PATIENCE) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        event: dict[str, Any] = {}
        for line in answer.iter_lines():
            name, _, value = line.partition(": ")
            if line:
                event[name] = value
                continue
            if "data" in event:
                found.append({**event, "data": json.loads(event["data"])})
                count -= event["event"] == until
            event = {}
            if not count:
                break
    return found


def test_an_upload_sends_events_in_order(guarded: Server, admin: Account) -> None:
    """A client follows its upload without polling."""
    client = make_user(guarded, admin, "follower").client
    image = upload(client, 1)

    told = read(client, "job.succeeded", last="0")

    assert {event["data"]["data"]["image_id"] for event in told} == {image["id"]}
    assert [event["event"] for event in told] == [
        "image.created", "job.pending", "job.processing", "job.succeeded",
    ]  # fmt: skip
    assert told[-1]["data"]["data"]["job_id"] == image["job"]["id"]
    assert told[-1]["data"]["id"] == told[-1]["id"]


def test_edits_and_deletions_send_events(guarded: Server, admin: Account) -> None:
    """What a copy of the list needs to keep step."""
    client = make_user(guarded, admin, "copyist").client
    image = upload(client, 2)
    url = f"/api/v1/images/{image['id']}"
    read(client, "job.succeeded", last="0")
    client.patch(url, json={"title": "x"}).raise_for_status()
    client.patch(url, json={"title": "x"}).raise_for_status()  # which changes nothing
    collection = client.post("/api/v1/collections", json={"title": "c"}).json()["id"]
    members = f"/api/v1/collections/{collection}/relationships/images"
    link = {"data": [{"type": "images", "id": image["id"]}]}
    client.post(members, json=link).raise_for_status()
    client.request("DELETE", members, json=link).raise_for_status()
    client.delete(url).raise_for_status()

    types = "image.updated,image.deleted"
    told = read(client, "image.deleted", last="0", types=types)

    assert [event["event"] for event in told] == [*["image.updated"] * 3, "image.deleted"]
    assert {event["data"]["data"]["image_id"] for event in told} == {image["id"]}
    repeated = read(client, "image.deleted", last="0", types=types.split(","))
    assert repeated == told


def test_invalid_parameters_are_refused(server: Server) -> None:
    """A misspelt type would give a stream without events."""
    for query in ({"types": "image.made"}, {"last_event_id": "x"}, {"last_event_id": "9" * 30}):
        assert_problem(server.client.get(EVENTS, params=query), 400, "invalid_request")
    bad = server.client.get(EVENTS, headers={"Last-Event-ID": "-1"})
    assert_problem(bad, 400, "invalid_request")


def test_an_unknown_id_resets(server: Server) -> None:
    """Silence would hide that events are missing, as after a restored backup."""
    (event,) = read(server.client, "reset", last=str(10**9))

    assert event["event"] == "reset"


def test_a_reader_that_reconnects_gets_each_event_once(make_server: MakeServer) -> None:
    """No loss and no doubles, through reconnections, a kill and a restart."""
    server = make_server(workers=1)

    def upload_five() -> None:
        with new_client(base_url=server.client.base_url) as client:
            for seed in range(5):
                client.post("/api/v1/images", files={"file": ("a.jpg", picture(seed))})

    threads = [threading.Thread(target=upload_five) for _ in range(3)]
    for thread in threads:
        thread.start()
    told: list[dict[str, Any]] = []
    for _ in range(3):
        last = told[-1]["id"] if told else "0"
        told += read(server.client, "image.created", last=last, count=4, types="image.created")
    for thread in threads:
        thread.join()
    server.kill()
    server.start()
    told += read(
        server.client, "image.created", last=told[-1]["id"], count=3, types="image.created"
    )

    listed = server.client.get("/api/v1/images", params={"limit": "200"}).json()["data"]
    ids = [event["data"]["data"]["image_id"] for event in told]
    assert len(ids) == len(set(ids)) == 15
    assert set(ids) == {image["id"] for image in listed}


def test_open_streams_do_not_delay_a_stop(make_server: MakeServer) -> None:
    """A deployment does not wait for clients that only listen."""
    server = make_server(workers=1, shutdown_timeout="1h")
    with (
        server.client.stream("GET", EVENTS) as first,
        server.client.stream("GET", EVENTS) as second,
    ):
        lines = first.iter_lines()
        next(lines)

        status = server.stop()

        assert status == 0
        assert all(not line.startswith("event") for line in lines)
        second.read()


def test_users_get_only_their_own_events(guarded: Server, admin: Account) -> None:
    """Uploads of other users are private."""
    own = make_user(guarded, admin, "listener")
    other = make_user(guarded, admin, "uploader")
    files = {"file": ("a.jpg", picture(5))}
    other.client.post("/api/v1/images", files=files).raise_for_status()
    image = own.client.post("/api/v1/images", files=files).json()

    told = read(own.client, "job.succeeded", last="0")

    assert {event["data"]["data"]["image_id"] for event in told} == {image["id"]}
    assert_problem(guarded.client.get(EVENTS), 401, "unauthorized")


def test_the_new_owner_gets_an_event_for_each_image(guarded: Server, admin: Account) -> None:
    """They have it from then on, and a copy that was validated by its ETag names the old owner."""
    owner, new_owner = make_user(guarded, admin, "testator"), make_user(guarded, admin, "new-owner")
    files = {"file": ("a.jpg", picture(6))}
    images = {owner.client.post("/api/v1/images", files=files).json()["id"] for _ in range(2)}
    (some, *_) = images
    before = admin.client.get(f"/api/v1/images/{some}").headers["etag"]

    admin.client.delete(
        f"/api/v1/users/{owner.id}", params={"images_to": new_owner.id}
    ).raise_for_status()

    told = read(new_owner.client, "image.updated", last="0", count=2, types="image.updated")
    assert {event["data"]["data"]["image_id"] for event in told} == images
    assert new_owner.client.get(f"/api/v1/images/{some}").headers["etag"] != before


def test_failed_and_retried_jobs_send_events(guarded: Server, admin: Account) -> None:
    """Each with the status that it has from then on, and why."""
    client = make_user(guarded, admin, "unlucky").client
    job = client.post("/api/v1/images", content=damaged()).json()["job"]["id"]
    read(client, "job.failed", last="0")
    client.post(f"/api/v1/jobs/{job}/retry").raise_for_status()

    told = read(client, "job.failed", last="0", count=2)

    statuses = ["pending", "processing", "failed"] * 2
    assert [event["event"] for event in told[1:]] == [f"job.{status}" for status in statuses]
    assert told[-1]["data"]["data"]["error_code"] == "corrupt_image"


@pytest.mark.breadth
def test_cancelled_jobs_send_events(make_server: MakeServer) -> None:
    """A client that waits for a job learns that it has ended."""
    server = make_server(workers=1)
    server.upload(noise((3000, 2400)))
    os.kill(busy(server.runner), signal.SIGSTOP)
    job = server.upload(picture(1))["job"]["id"]

    server.client.delete(f"/api/v1/jobs/{job}").raise_for_status()
    told = read(server.client, "job.cancelled", last="0")

    assert told[-1]["data"]["data"]["job_id"] == job


def test_an_id_older_than_the_kept_events_resets(make_server: MakeServer) -> None:
    """A client that was disconnected too long must read the lists again."""
    server = make_server(event_retention="1ms", gc_interval="300ms")
    for number in range(3):
        server.finished(server.upload(picture(number))["job"]["id"])
    until(lambda: not rows(server.data_dir, "SELECT id FROM events WHERE id <= 2"))
    server.stop()
    server.settings |= {"event_retention": None, "gc_interval": None}  # keep what comes from now on
    server.start()

    (event,) = read(server.client, "reset", last="1")

    server.upload(picture(9))
    later = read(server.client, "image.created", last=event["id"])
    assert int(later[0]["id"]) > int(event["id"]) > 1


def test_there_are_only_so_many_streams(server: Server) -> None:
    """Each holds a connection and asks the database; one that ends makes room."""
    with contextlib.ExitStack() as stack:
        many, lines = httpx2.Limits(max_connections=None), []
        client = stack.enter_context(new_client(base_url=server.client.base_url, limits=many))
        for _ in range(MAX_STREAMS):
            answer = stack.enter_context(client.stream("GET", EVENTS))
            assert answer.status_code == 200
            lines.append(answer.iter_lines())  # which closes the stream when it is forgotten
            next(lines[-1])
        assert_problem(server.client.get(EVENTS), 503, "overloaded")

    until(lambda: opens(server.client))


def test_one_user_cannot_occupy_all_streams(guarded: Server, admin: Account) -> None:
    """Who opens all that they can get leaves room for others."""
    greedy = make_user(guarded, admin, "greedy")
    with contextlib.ExitStack() as stack:
        lines = []
        for _ in range(MAX_STREAMS_OF_ONE):
            answer = stack.enter_context(greedy.client.stream("GET", EVENTS))
            assert answer.status_code == 200
            lines.append(answer.iter_lines())  # which closes the stream when it is forgotten
            next(lines[-1])

        assert_problem(greedy.client.get(EVENTS), 503, "overloaded")
        with admin.client.stream("GET", EVENTS) as other:
            assert other.status_code == 200

    until(lambda: opens(greedy.client))


@pytest.mark.breadth
def test_a_stream_ends_with_its_credential(guarded: Server, admin: Account) -> None:
    """Also one that is open: of a key whose user was disabled, and of a session that was ended."""
    requester = make_user(guarded, admin, "fired")
    make_user(guarded, admin, "gone-from-here", password=PASSWORD)
    browser = browser_of(guarded, "gone-from-here")
    session_id = browser.get(ONE).json()["session"]["id"]
    with (
        requester.client.stream("GET", EVENTS, timeout=PATIENCE) as of_key,
        browser.stream("GET", EVENTS, timeout=PATIENCE) as of_session,
    ):
        streams = [of_key.iter_lines(), of_session.iter_lines()]
        for lines in streams:
            next(lines)
        admin.client.patch(
            f"/api/v1/users/{requester.id}", json={"is_disabled": True}
        ).raise_for_status()
        browser.delete(f"{EVERY}/{session_id}").raise_for_status()
        began = time.monotonic()

        for lines in streams:
            for _line in lines:
                assert time.monotonic() - began < PATIENCE


def opens(client: httpx2.Client) -> bool:
    """Whether a stream can be had."""
    with client.stream("GET", EVENTS) as answer:
        return answer.status_code == 200
