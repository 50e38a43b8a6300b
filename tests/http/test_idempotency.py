"""Retries with an Idempotency-Key: done once, and answered as the first time."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from tests import databases
from tests.conftest import MakeServer
from tests.http.asking import (
    assert_problem,
    damaged,
    images_count,
    noise,
    orphans,
    picture,
    send_raw,
)
from tests.server import Server, new_client
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.joint

ROUTES = ("/images", "/api/v1/images", "/api/v1/images/actions/upload")


def upload(
    server: Server, key: str | None, *contents: bytes, path: str = "/images", **fields: str
) -> httpx2.Response:
    """Upload files with a key."""
    files = [("file", (f"{number}.jpg", content)) for number, content in enumerate(contents)]
    headers = {} if key is None else {"idempotency-key": key}
    return server.client.post(path, files=files, data=fields, headers=headers)


def receipts(server: Server) -> int:
    """How many receipts there are."""
    (count,) = databases.run_sql(server.data_dir, "SELECT count(*) FROM receipts")
    return int(count)


@pytest.mark.parametrize("path", ROUTES)
def test_a_retry_gets_the_first_answer(server: Server, path: str) -> None:
    """A client whose connection broke cannot know whether its upload was taken."""
    key = f"retry {path}".replace(" ", "-")
    first = upload(server, key, picture(1), path=path, title="One")
    before = images_count(server)

    again = upload(server, key, picture(1), path=path, title="One")

    assert first.status_code == again.status_code == 201
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["content-type"] == first.headers["content-type"]
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert images_count(server) == before
    assert orphans(server) == []


def test_a_raw_upload_is_retried_like_a_form(server: Server) -> None:
    """The bytes are the body, and what is said about them is in the query."""
    url = "/images?filename=a.jpg&title=A"
    headers = {"idempotency-key": '"8e03978e-40d5-43dd-bc93-6894a57f9324"'}

    answers = [server.client.post(url, content=picture(2), headers=headers) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].content == answers[1].content


def test_quotes_around_a_key_make_no_difference(server: Server) -> None:
    """A string as the draft has it, or bare as most clients send it."""
    first = upload(server, '"quoted"', picture(3))

    assert upload(server, "quoted", picture(3)).content == first.content


def test_without_a_key_each_upload_is_another_image(server: Server) -> None:
    """The same bytes twice may well be meant."""
    assert (
        upload(server, None, picture(4)).json()["id"]
        != upload(server, None, picture(4)).json()["id"]
    )


@pytest.mark.parametrize(
    "other",
    [
        {"contents": [picture(6)]},
        {"contents": [picture(5)], "title": "Other"},
        {"contents": [picture(5)], "path": "/api/v1/images"},
        {"contents": [picture(5)], "path": "/images?tags=a"},
        {"contents": [picture(5), picture(5)]},
    ],
)
def test_a_key_of_another_request_is_refused(server: Server, other: dict[str, Any]) -> None:
    """An answer to something else would be a lie, and doing it would break the key's promise."""
    upload(server, "reused", picture(5), title="First")
    before = images_count(server)
    contents = other.pop("contents")

    answer = upload(server, "reused", *contents, **other)

    assert_problem(answer, 422, "idempotency_key_reused")
    assert images_count(server) == before
    assert orphans(server) == []


@pytest.mark.parametrize(
    "key",
    [b"", b'""', b"a" * 256, b"with space", b'"open', b'a"b', b"caf\xc3\xa9", b"a,b", b"a\tb"],
)
def test_a_malformed_key_is_refused(server: Server, key: bytes) -> None:
    """It names the field, and takes nothing."""
    before = images_count(server)
    answer = server.client.post("/images", content=picture(7), headers=[(b"idempotency-key", key)])

    problem = assert_problem(answer, 400, "invalid_request")

    assert problem["errors"][0]["loc"] == "Idempotency-Key"
    assert images_count(server) == before


@pytest.mark.parametrize("key", [b"a\x00b", b"a\rb", b"a\r\nX-Evil: 1"])
def test_control_characters_are_never_echoed(server: Server, key: bytes) -> None:
    """What is replayed is what this service wrote, never what a client sent."""
    content = picture(8)
    head = (
        b"POST /images HTTP/1.1\r\nHost: [::1]\r\nContent-Length: %d\r\nIdempotency-Key: %s\r\n\r\n"
    )

    answer = send_raw(server, head % (len(content), key) + content)

    assert answer is None or answer.all("x-evil") == []
    assert server.client.get("/healthz").status_code == 200


def test_two_keys_are_refused(server: Server) -> None:
    """It would be a guess which is meant."""
    headers = [("idempotency-key", "one"), ("idempotency-key", "two")]

    answer = server.client.post("/images", content=picture(9), headers=headers)

    assert_problem(answer, 400, "invalid_request")


def test_a_retry_during_the_first_request_is_a_conflict(server: Server) -> None:
    """Neither may it be done twice, nor is there an answer yet."""
    content = noise((1200, 900))  # more than what is buffered in memory
    ready = threading.Event()

    def slowly() -> Any:
        yield content[:-100]
        ready.wait(PATIENCE)
        yield content[-100:]

    headers = {"idempotency-key": "slow", "content-type": "image/jpeg"}
    with (
        ThreadPoolExecutor(1) as executor,
        new_client(base_url=server.client.base_url) as other,
    ):
        first = executor.submit(other.post, "/images", content=slowly(), headers=headers)
        until(lambda: any((server.data_dir / "tmp").iterdir()))
        second = server.client.post("/images", content=content, headers=headers)
        ready.set()
        done = first.result()

    assert_problem(second, 409, "conflict")
    assert int(second.headers["retry-after"]) > 0
    third = server.client.post("/images", content=content, headers=headers)
    assert third.content == done.content
    assert third.headers["idempotent-replayed"] == "true"


def test_many_retries_at_once_make_one_image(server: Server) -> None:
    """For every race there is one image, and all get the same response."""
    before = images_count(server)

    with ThreadPoolExecutor(16) as executor:
        answers = list(executor.map(lambda _: upload(server, "race", picture(11)), range(32)))

    statuses = {answer.status_code for answer in answers}
    assert statuses <= {201, 409}
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert images_count(server) == before + 1


def test_a_refused_upload_leaves_no_record(server: Server) -> None:
    """A client that has mended its request may go on with its key."""
    before = receipts(server)
    assert upload(server, "mended", b"no picture").status_code == 415
    assert receipts(server) == before

    assert upload(server, "mended", picture(12)).status_code == 201


def test_an_aborted_upload_leaves_no_record(server: Server) -> None:
    """The connection breaks in the middle of the body: the retry is the first that is done."""
    before = receipts(server)
    head = (
        b"POST /images HTTP/1.1\r\nHost: [::1]\r\nContent-Length: 5000\r\nIdempotency-Key: cut\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head + b"\r\n" + b"a" * 100)
    assert orphans(server) == []

    until(lambda: upload(server, "cut", picture(13)).status_code == 201)

    assert receipts(server) == before + 1


def test_several_files_are_retried_as_one(server: Server) -> None:
    """The same entries in the same order, the refused ones, too."""
    contents = [picture(14), damaged(1)[:200], picture(15)]
    first = upload(server, "several", *contents)
    before = images_count(server)

    again = upload(server, "several", *contents)

    assert first.status_code == again.status_code == 207
    assert [entry["status"] for entry in first.json()["data"]][::2] == [201, 201]
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    assert images_count(server) == before


def test_keys_expire(make_server: MakeServer) -> None:
    """Their rows go with the hourly collection; until then, they count for nothing."""
    server = make_server(idempotency_key_lifetime="300ms")
    first = upload(server, "short", picture(18))
    time.sleep(0.31)

    again = upload(server, "short", picture(19))

    assert again.status_code == 201
    assert again.json()["id"] != first.json()["id"]
    until(lambda: len({upload(server, "short", picture(19)).content for _ in range(2)}) == 1)


@pytest.mark.breadth
def test_expired_records_are_removed(make_server: MakeServer) -> None:
    """A thousand keys must not stay without limit."""
    server = make_server(idempotency_key_lifetime="2s", gc_interval="1s")
    most = 0
    for number in range(20):
        upload(server, f"key-{number}", picture(20))
        most = max(most, receipts(server))
    assert most > 0

    until(lambda: receipts(server) == 0)


def test_records_of_uploads_and_of_jobs_survive_a_kill(make_server: MakeServer) -> None:
    """They are on disk before the answer, those of jobs by the same commit."""
    server = make_server()
    uploaded = upload(server, "kept", picture(21))
    image_id = server.upload(picture(22))["id"]
    url, headers = "/api/v1/images/actions/process", {"idempotency-key": "process"}
    body = {"id": image_id}
    first = server.client.post(url, json=body, headers=headers)
    jobs = len(server.client.get("/api/v1/jobs").json()["data"])
    server.kill()
    server.start()

    kept = upload(server, "kept", picture(21))
    again = server.client.post(url, json=body, headers=headers)
    other = server.client.post(url, json={"ids": [image_id]}, headers=headers)

    assert (uploaded.status_code, first.status_code, again.status_code) == (201, 202, 202)
    assert kept.content == uploaded.content
    assert again.content == first.content
    for answer in (kept, again):
        assert answer.headers["idempotent-replayed"] == "true"
    assert datetime.fromisoformat(uploaded.json()["created_at"]) < datetime.now(UTC)
    assert_problem(other, 422, "idempotency_key_reused")
    assert len(server.client.get("/api/v1/jobs").json()["data"]) == jobs
