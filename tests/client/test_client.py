"""The Python client, against a real server."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
import io
import json
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image as Pillow

from imagesvc.client import AsyncClient, Client, JobFailed, NotInTime
from imagesvc.client.models import (
    Collection,
    Image,
    Job,
    Session,
    Setting,
    SignedUrl,
    SignedUrls,
    UploadUrl,
    Variant,
)
from imagesvc.errors import (
    InvalidRequest,
    InvalidTransform,
    NotFound,
    PreconditionFailed,
    Unavailable,
    UnsupportedMediaType,
)
from tests import commands
from tests.accounts import PASSWORD, Account, make_user
from tests.conftest import MakeServer
from tests.http.asking import TEXT, damaged, picture
from tests.server import Server, request_once
from tests.sessions import ONE, browser_of
from tests.waiting import PATIENCE
from tests.workers.processes import stopped_workers

SNAPSHOT = Path(__file__).parent.parent.parent / "docs" / "openapi.json"


@pytest.fixture
def client(server: Server) -> Any:
    with Client(f"http://127.0.0.1:{server.port}") as made:
        yield made


def test_all_basic_calls_work_on_a_picture(client: Client, tmp_path: Path) -> None:
    """Upload, wait, edit, get a variant, delete: the calls of every program."""
    path = tmp_path / "beach.jpg"
    path.write_bytes(picture(1))

    image = client.upload(path, title="Beach", tags="sea,sand")
    assert image.job is not None
    job = client.wait(image.job.id, timeout=PATIENCE)
    changed = client.update_image(image.id, title="The beach", visibility="unlisted")
    small = Pillow.open(io.BytesIO(client.fetch(image.id, w=100, format="webp")))
    transforms = [variant.transform for variant in client.variants(image.id)]
    client.delete_image(image.id)

    assert (image.filename, image.title, set(image.tags)) == ("beach.jpg", "Beach", {"sea", "sand"})
    assert job.status == "succeeded"
    assert (changed.title, changed.visibility) == ("The beach", "unlisted")
    assert (small.width, small.format) == (100, "WEBP")
    assert any("w=100" in transform for transform in transforms)
    with pytest.raises(NotFound):
        client.image(image.id)


def test_clients_load_the_certificates_of_authorities_once() -> None:
    """A program may have a client for each user, or make one for each of its own requests."""
    with Client("https://127.0.0.1:1"):
        before = contexts_of_tls()

        with contextlib.ExitStack() as stack:
            for _ in range(10):
                stack.enter_context(Client("https://127.0.0.1:1"))

            assert contexts_of_tls() == before > 0


def contexts_of_tls() -> int:
    """Those in memory, each with the certificates of all authorities."""
    return sum(isinstance(found, ssl.SSLContext) for found in gc.get_objects())


def test_two_editors_do_not_overwrite_each_other(client: Client) -> None:
    """An editor whose version is outdated gets an error."""
    image = client.upload(picture(41), filename="a.jpg")
    collection = client.create_collection("Winter")

    changed = client.update_image(image.id, title="one", if_match=image.etag)
    renamed = client.update_collection(collection.id, title="one", if_match=collection.etag)
    with pytest.raises(PreconditionFailed):
        client.update_image(image.id, title="two", if_match=image.etag)
    with pytest.raises(PreconditionFailed):
        client.update_collection(collection.id, title="two", if_match=collection.etag)

    assert client.image(image.id).title == "one"
    assert client.image(image.id).etag == changed.etag != image.etag
    assert client.collection(collection.id).etag == renamed.etag
    assert client.update_image(image.id, title="three", if_match=changed.etag).title == "three"


def test_somebody_without_a_credential_uploads_by_a_url(client: Client) -> None:
    """The image has the metadata of the request for the URL."""
    content = picture(42)

    target = client.upload_url(filename="b.jpg", title="By URL", content_type="image/jpeg")
    answer = request_once(target.method, target.url, headers=target.headers, content=content)

    assert answer.status_code == 201, answer.text
    image = client.image(target.id)
    assert (image.filename, image.title, image.bytes) == ("b.jpg", "By URL", len(content))


def test_the_client_itself_uploads_by_a_url(client: Client) -> None:
    """Without `direct_uploads` the service takes the file, and nothing is to be completed."""
    target = client.upload_url(filename="c.jpg")

    image = client.upload_by_url(picture(142), target)

    assert (str(image.id), target.complete_url) == (str(target.id), None)


def test_signed_urls_show_a_private_image(client: Client) -> None:
    """They are absolute, so that a page of another site can use them."""
    image = client.upload(picture(43), visibility="private")

    signed = client.sign_urls(image.id, ["original", {"w": 40, "format": "png"}], expires_in=600)

    original, small = (request_once("GET", one.url) for one in signed.data)
    assert original.status_code == 200
    assert Pillow.open(io.BytesIO(small.content)).width == 40


def test_a_repeated_upload_is_marked(client: Client) -> None:
    """It is the image of the first upload, which may have been changed or deleted since."""
    first, second = (
        client.upload(picture(44), filename="a.jpg", idempotency_key="one") for _ in range(2)
    )

    assert (first.is_replay, second.is_replay) == (False, True)
    assert first.id == second.id


def test_progress_is_reported_up_to_the_end(client: Client) -> None:
    """A progress bar that stops at 98 % looks like an error."""
    content = picture(2, (1500, 1200), "PNG")
    told: list[tuple[int, int]] = []

    client.upload(content, filename="a.png", on_progress=lambda *step: told.append(step))

    assert told[-1] == (len(content), len(content))
    assert len(told) > 2
    assert [sent for sent, _all in told] == sorted(sent for sent, _all in told)


def test_a_file_object_is_uploaded_from_its_position(client: Client) -> None:
    """The file stays open, since it belongs to the caller."""
    content = picture(3)
    file = io.BytesIO(b"a header" + content)
    file.seek(8)

    image = client.upload(file, filename="a.jpg")

    assert image.bytes == len(content)
    assert not file.closed


def test_lists_are_followed_to_their_end(client: Client) -> None:
    """This works for any number of pages."""
    title = "one of five"
    ids = {client.upload(picture(10 + seed), title=title).id for seed in range(5)}

    found = [image.id for image in client.images(limit=2) if image.title == title]
    searched = {image.id for image in client.images(q='"one of five"', limit=2)}

    assert len(found) == len(set(found)) == 5
    assert set(found) == searched == ids


def test_images_are_added_to_collections_and_removed(client: Client) -> None:
    """All operations on a collection, from making to deleting it."""
    image = client.upload(picture(20))
    collection = client.create_collection("Summer", description="2026")

    client.add_to_collection(collection.id, [image.id])
    other = client.create_collection("Autumn")
    client.add_to_collection(other.id, [image.id], move=True)
    client.add_to_collection(collection.id, [image.id], move=True)
    client.delete_collection(other.id)
    inside = [item.id for item in client.collection_images(collection.id)]
    client.remove_from_collection(collection.id, [image.id])
    renamed = client.update_collection(collection.id, title="Winter")
    listed = {item.id for item in client.collections()}
    client.delete_collection(collection.id)

    assert inside == [image.id]
    assert renamed.title == "Winter"
    assert collection.id in listed


def test_images_are_shared_by_links(client: Client) -> None:
    """All operations on a share, from making to withdrawing it."""
    image = client.upload(picture(21))

    made = client.create_share(image_id=image.id, title="For you", max_views=3)
    listed = [share.id for share in client.shares()]
    changed = client.update_share(made.id, max_views=None, password="sesame")
    found = client.share(made.id)
    by_search = client.create_share(q="tags:sea")
    client.delete_share(made.id)

    assert made.url is not None
    assert made.url.startswith("/s/")
    assert made.id in listed
    assert (changed.max_views, changed.has_password) == (None, True)
    assert found == changed
    assert (by_search.target, by_search.q) == ("search", "tags:sea")
    with pytest.raises(NotFound):
        client.share(made.id)


def test_guests_get_links_for_uploads(client: Client) -> None:
    """All operations on a link, from making to withdrawing it."""
    collection = client.create_collection("Guests")

    made = client.create_upload_link(collection.id, max_files=3)
    changed = client.update_upload_link(made.id, max_files=5)
    listed = [link.id for link in client.upload_links()]
    client.delete_upload_link(made.id)

    assert made.url is not None
    assert made.url.startswith("/g/")
    assert (made.max_files, changed.max_files) == (3, 5)
    assert listed == [made.id]
    assert list(client.upload_links()) == []


def test_more_variants_are_made_by_jobs_of_their_own(client: Client) -> None:
    """There is one job for each image, in order."""
    images = [client.upload(picture(number), filename="a.jpg") for number in (31, 32)]

    jobs = client.process([image.id for image in images], [{"preset": "preview"}, {"w": 33}])

    assert [job.image_id for job in jobs] == [image.id for image in images]
    made = [
        operation.transform for operation in client.wait(jobs[1].id, timeout=PATIENCE).operations
    ]
    assert made == ["w=720", "w=33"]


def test_errors_are_those_of_their_code(client: Client) -> None:
    """They contain the detail of the response."""
    image = client.upload(picture(21))

    with pytest.raises(UnsupportedMediaType):
        client.upload(TEXT, filename="a.jpg")
    with pytest.raises(InvalidTransform) as wrong_transform:
        client.fetch(image.id, w=0)
    with pytest.raises(InvalidRequest) as wrong_request:
        list(client.images(limit=0))

    assert wrong_transform.value.code == "invalid_transform"
    assert wrong_transform.value.status == 400
    assert wrong_request.value.fields[0][0] == "limit"


def test_waiting_ends_with_the_job_or_with_patience(server: Server, client: Client) -> None:
    """A failed job raises an exception with the job; a job that takes too long raises another."""
    image = client.upload(damaged())
    assert image.job is not None

    with pytest.raises(JobFailed) as failed:
        client.wait(image.job.id, timeout=PATIENCE)
    good = client.upload(picture(23))
    with stopped_workers(server), pytest.raises(NotInTime):
        client.wait(client.process([good.id])[0].id, timeout=0)

    assert failed.value.job.status == "failed"


def test_a_job_is_retried_cancelled_and_deleted(client: Client) -> None:
    """One call deletes an ended job, and cancels another."""
    image = client.upload(damaged(3))
    assert image.job is not None
    with pytest.raises(JobFailed):
        client.wait(image.job.id, timeout=PATIENCE)

    retried = client.retry_job(image.job.id)
    with pytest.raises(JobFailed):
        client.wait(image.job.id, timeout=PATIENCE)

    assert retried.status == "pending"
    assert client.delete_job(image.job.id) is None
    with pytest.raises(NotFound):
        client.job(image.job.id)


def test_sessions_are_listed_and_ended(guarded: Server, admin: Account) -> None:
    """By the key of an admin, those of another user."""
    user = make_user(guarded, admin, "client-user", password=PASSWORD)
    browser = browser_of(guarded, "client-user")
    with Client(f"http://127.0.0.1:{guarded.port}", key=admin.key) as client:
        (found,) = client.sessions(user=user.id)

        client.revoke_session(found.id)

        assert list(client.sessions(user=user.id)) == []
    assert str(found.user_id) == user.id
    assert browser.get(ONE).status_code == 401


def test_admins_read_the_settings(guarded: Server, admin: Account) -> None:
    """With the source of each."""
    with Client(f"http://127.0.0.1:{guarded.port}", key=admin.key) as client:
        found = {one.name: one for one in client.settings().data}

    assert (found["auth"].value, found["auth"].source) == ("required", "environment")


def test_the_asynchronous_client_does_the_same(server: Server) -> None:
    """The clients share the description of calls and differ in how they make them."""

    async def work() -> tuple[Image, Job, bytes, list[Image]]:
        async with AsyncClient(f"http://127.0.0.1:{server.port}") as client:
            image = await client.upload(picture(30), filename="a.jpg", title="async")
            assert image.job is not None
            job = await client.wait(image.job.id, timeout=PATIENCE)
            bytes_ = await client.fetch(image.id, w=50)
            images = [item async for item in client.images(q="async", limit=1)]
            await client.delete_image(image.id)
            return image, job, bytes_, images

    image, job, bytes_, images = asyncio.run(work())

    assert job.status == "succeeded"
    assert Pillow.open(io.BytesIO(bytes_)).width == 50
    assert [item.id for item in images] == [image.id]


def described(client: type) -> dict[str, tuple[str, str | None]]:
    """The public methods of a client with what `help()` shows of each."""
    methods = {name: getattr(client, name) for name in dir(client) if not name.startswith("_")}
    return {
        name: (
            str(inspect.signature(method)).replace("AsyncIterator", "Iterator"),
            inspect.getdoc(method),
        )
        for name, method in methods.items()
    }


def test_both_clients_have_the_same_methods() -> None:
    """Each has the methods of the other, with the same parameters, results and docstrings."""
    methods = described(Client)

    assert described(AsyncClient) == methods
    assert {"upload", "images", "process", "wait", "collections", "me", "close"} <= methods.keys()
    assert methods["image"] == ("(self, image_id: 'Id') -> 'Image'", "One image.")
    assert methods["collections"][0] == "(self) -> 'Iterator[Collection]'"


@pytest.mark.parametrize(("client", "is_asynchronous"), [(Client, False), (AsyncClient, True)])
def test_only_the_methods_of_the_asynchronous_client_are_coroutine_functions(
    client: type, is_asynchronous: bool
) -> None:
    """Tools that wrap or replace methods ask `inspect`."""
    lists = {
        "images", "jobs", "collections", "collection_images", "sessions", "shares", "searches",
        "sources", "upload_links",
    }  # fmt: skip

    found = {
        name for name in described(client) if inspect.iscoroutinefunction(getattr(client, name))
    }

    assert found == (described(client).keys() - lists if is_asynchronous else set())


@pytest.mark.parametrize(
    "model", [Image, Job, Variant, Collection, Session, UploadUrl, SignedUrl, SignedUrls, Setting]
)
def test_models_are_those_of_the_document(model: Any) -> None:
    """The client's models match the OpenAPI document."""
    schema = json.loads(SNAPSHOT.read_text())["components"]["schemas"][model.__name__]

    of_headers = {"etag", "is_replay"}
    assert model.model_fields.keys() - of_headers <= set(schema["required"])


BUSY = b"HTTP/1.1 503 Busy\r\nretry-after: 0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Scripted:
    """A server that sends the next of these bytes to each connection.

    For empty ones it disconnects.
    """

    def __init__(self, *answers: bytes) -> None:
        self.requests: list[bytes] = []
        self._answers = answers
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with self._socket:
            for answer in self._answers:
                connection, _address = self._socket.accept()
                with connection:
                    self.requests.append(self._request(connection))
                    connection.sendall(answer)

    @staticmethod
    def _request(connection: socket.socket) -> bytes:
        received = b""
        while b"\r\n\r\n" not in received:
            received += connection.recv(65536)
        head, _, body = received.partition(b"\r\n\r\n")
        lengths = [
            line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
        ]
        wanted = int(lengths[0].split(b":")[1]) if lengths else 0
        while len(body) < wanted:
            body += connection.recv(65536)
        return head + b"\r\n\r\n" + body


def answer(model: dict[str, Any], status: str = "200 OK") -> bytes:
    """A raw response."""
    body = json.dumps(model).encode()
    return (
        f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    ).encode() + body


def test_busy_servers_and_lost_connections_are_tried_again(server: Server) -> None:
    """All attempts have one idempotency key, so that they make one image."""
    image = server.upload(picture(40))
    scripted = Scripted(BUSY, b"", answer(image, "201 Created"))

    with Client(scripted.url) as client:
        uploaded = client.upload(b"the bytes", filename="a.jpg")

    keys = {
        line
        for request in scripted.requests
        for line in request.lower().split(b"\r\n")
        if line.startswith(b"idempotency-key")
    }
    assert str(uploaded.id) == image["id"]
    assert len(scripted.requests) == 3
    assert len(keys) == 1
    assert all(b"the bytes" in request for request in scripted.requests)


GATEWAY = (
    b"HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/html\r\ncontent-length: 0\r\n"
    b"connection: close\r\n\r\n"
)


def test_a_proxy_without_the_service_is_asked_again(server: Server) -> None:
    image = server.upload(picture(41))
    scripted = Scripted(GATEWAY, GATEWAY, answer(image, "201 Created"))

    with Client(scripted.url) as client:
        uploaded = client.upload(b"the bytes", filename="a.jpg")

    assert str(uploaded.id) == image["id"]
    assert len(scripted.requests) == 3


@pytest.mark.parametrize(
    ("response", "error"), [(b"", httpx2.TransportError), (GATEWAY, Unavailable)]
)
def test_non_idempotent_requests_are_not_sent_twice(
    response: bytes, error: type[Exception]
) -> None:
    """A collection that may have been made is not made again."""
    scripted = Scripted(response, response)

    with Client(scripted.url) as client, pytest.raises(error):
        client.create_collection("Summer")

    assert len(scripted.requests) == 1


def test_the_client_imports_nothing_of_the_server() -> None:
    """A program that only uploads needs neither libvips nor a database."""
    code = "import sys, imagesvc.client; print(*sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    loaded = set(done.stdout.split())
    assert "httpx2" in loaded
    assert not loaded & {"starlette", "sqlalchemy", "pyvips", "PIL", "uvicorn"}


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(server: Server) -> Run:
    def runner(*arguments: str) -> subprocess.CompletedProcess[str]:
        return commands.run("upload", *arguments, "--to", f"http://127.0.0.1:{server.port}")

    return runner


def test_the_command_uploads_valid_files_and_reports_the_others(run: Run, tmp_path: Path) -> None:
    """A script sees the failure in the exit status, and gets the ids of the other images."""
    good, bad = tmp_path / "good.jpg", tmp_path / "bad.jpg"
    good.write_bytes(picture(50))
    bad.write_bytes(TEXT)

    done = run(str(bad), str(good), "--title", "From a script", "--wait", "--json")

    assert done.returncode == 1
    assert "bad.jpg" in done.stderr
    failed, sent = map(json.loads, done.stdout.splitlines())
    assert (failed["file"], failed["status"], failed["url"]) == (str(bad), "failed", None)
    assert (sent["file"], sent["status"]) == (str(good), "sent")
    shown = request_once("GET", sent["url"])
    assert shown.content == good.read_bytes()
    assert run(str(good)).returncode == 0


def upload_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `imagesvc upload` without a key in the environment."""
    return commands.run("upload", *arguments)


@pytest.fixture
def photo(tmp_path: Path) -> str:
    """A file to upload."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(picture(52))
    return str(path)


@pytest.mark.parametrize("is_named", [True, False])
def test_on_the_same_machine_the_command_needs_no_key(
    guarded: Server, admin: Account, photo: str, *, is_named: bool
) -> None:
    """It can read the data directory; the login that it makes ends with it."""
    to = ["--to", f"http://localhost:{guarded.port}"] if is_named else []

    done = upload_command(photo, "--wait", *to, "--data-dir", str(guarded.data_dir))

    assert (done.returncode, done.stderr) == (0, "")
    image = admin.client.get(f"/api/v1/images/{done.stdout.split()[0]}").json()
    assert image["owner_id"] == admin.id
    with contextlib.closing(sqlite3.connect(guarded.data_dir / "imagesvc.db")) as connection:
        assert connection.execute("SELECT count(*) FROM logins").fetchone() == (0,)


def test_the_command_sends_no_credential_to_another_program(
    guarded: Server, make_server: MakeServer, photo: str
) -> None:
    """A login is only sent to the server of this data directory, at its own port."""
    other = make_server(auth="required")

    def refuses(port: int, data_dir: Path) -> None:
        done = upload_command(
            photo, "--to", f"http://127.0.0.1:{port}", "--data-dir", str(data_dir)
        )
        assert done.returncode == 2
        assert "This needs an API key or a token" in done.stderr
        assert "Set --key" in done.stderr

    refuses(other.port, guarded.data_dir)
    other.stop()
    refuses(guarded.port, other.data_dir)
    refuses(guarded.port, guarded.data_dir.parent / "none")
    done = upload_command(photo, "--data-dir", str(other.data_dir))
    assert done.returncode == 2
    assert f"no server runs on the data directory {other.data_dir}." in done.stderr
