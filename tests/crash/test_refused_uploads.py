"""A failed or aborted upload leaves no row, no blob, and no file in tmp/ (invariant 7)."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.pictures import jpeg, marked
from tests.crash.traffic import WIDE, rows
from tests.server import Server
from tests.waiting import until

LIMIT = 300_000
BOUNDARY = b"cut-here"
PART = (
    b"--cut-here\r\nContent-Disposition: form-data; name=file; filename=a.jpg\r\n\r\n"
)  # fmt: skip


@pytest.fixture(scope="module")
def small_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that accepts files of 300 kB; each test begins and ends with an empty one."""
    data_dir = tmp_path_factory.mktemp("small") / "data"
    server = Server(data_dir, workers=1, max_upload_size=LIMIT).start()
    yield server
    server.close()


def orphans(server: Server) -> tuple[set[str], set[str], list[Path]]:
    """Images, blobs and unfinished uploads."""
    images = rows(server.data_dir, "SELECT sha256 FROM images UNION SELECT sha256 FROM blobs")
    return images, server.blobs(), list((server.data_dir / "tmp").iterdir())


def nothing_is_left(server: Server) -> None:
    """Wait until nothing is left: the server may not have noticed the disconnect yet."""
    until(lambda: orphans(server) == (set(), set(), []))


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"no image at all" * 1000, 415),
        (WIDE[: len(WIDE) // 2], 422),
        (WIDE + bytes(LIMIT), 413),
    ],
    ids=["empty", "wrong type", "truncated", "too large"],
)
@pytest.mark.parametrize("is_form", [False, True])
def test_a_refused_upload_leaves_nothing(
    small_server: Server, content: bytes, status: int, *, is_form: bool
) -> None:
    """Refusals happen at every stage: before the first byte, in between, and after the last."""
    client = small_server.client

    if is_form:
        answer = client.post("/api/v1/images", files={"file": ("a.jpg", content)})
    else:
        headers = {"content-type": "image/jpeg"}
        answer = client.post("/api/v1/images", content=content, headers=headers)

    assert answer.status_code == status, answer.text
    nothing_is_left(small_server)


def test_a_refused_file_of_several_leaves_nothing(small_server: Server) -> None:
    """Each file of a request is independent."""
    good = jpeg(1)
    files = [("a", ("a.jpg", b"no image")), ("b", ("b.jpg", good)), ("c", ("c.jpg", WIDE[:9000]))]

    answer = small_server.client.post("/api/v1/images", files=files)

    assert [entry["status"] for entry in answer.json()["data"]] == [415, 201, 422]
    images, blobs, tmp = orphans(small_server)
    assert len(blobs) == 1
    assert images == blobs
    assert tmp == []
    delete_all(small_server)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
@pytest.mark.parametrize("is_form", [False, True])
def test_a_client_that_disconnects_leaves_nothing(
    small_server: Server, share: float, *, is_form: bool
) -> None:
    """The connection is closed after a part of the announced bytes."""
    body = PART + WIDE + b"\r\n--cut-here--\r\n" if is_form else WIDE
    media_type = b"multipart/form-data; boundary=cut-here" if is_form else b"image/jpeg"
    head = b"POST /images HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n"
    with socket.create_connection(("127.0.0.1", small_server.port)) as connection:
        connection.sendall(head % (media_type, len(body)) + body[: int(len(body) * share)])
        time.sleep(0.1)

    nothing_is_left(small_server)


@pytest.mark.parametrize("cut", [len(PART) // 2, len(PART) + 5000, -20])
def test_a_form_that_ends_too_early_leaves_nothing(small_server: Server, cut: int) -> None:
    """The request is complete for HTTP, but its multipart body has no end."""
    body = (PART + WIDE + b"\r\n--cut-here--\r\n")[:cut]
    headers = {"content-type": "multipart/form-data; boundary=cut-here"}

    answer = small_server.client.post("/images", content=body, headers=headers)

    assert 400 <= answer.status_code < 500
    nothing_is_left(small_server)


def test_clients_that_disconnect_at_random_moments_leave_no_unreferenced_bytes(
    small_server: Server,
) -> None:
    """Some of these uploads are accepted, since the last byte had arrived.

    None is accepted partly.
    """
    head = b"POST /images?filename=a.jpg HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
    for number in range(40):
        content = marked(WIDE, number)
        with socket.create_connection(("127.0.0.1", small_server.port)) as connection:
            connection.sendall(head % len(content) + content)
            time.sleep(number * 0.0005)

    def is_settled() -> bool:
        images, blobs, tmp = orphans(small_server)
        return images == blobs and tmp == []

    until(is_settled)
    assert small_server.cli("check").returncode == 0
    delete_all(small_server)


def delete_all(server: Server) -> None:
    """Delete all images, as before the test; the last upload may be accepted only now."""

    def is_empty() -> bool:
        for image in server.client.get("/api/v1/images?limit=200").json()["data"]:
            assert server.client.delete(f"/api/v1/images/{image['id']}").status_code == 204
        return orphans(server) == (set(), set(), [])

    until(is_empty)
