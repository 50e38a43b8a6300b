"""Further methods of both clients, against a real server."""

from __future__ import annotations

import asyncio
import inspect
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from imagesvc.client import AsyncClient, Client
from imagesvc.errors import Forbidden, NotFound, UnsupportedMediaType
from imagesvc.model.ids import new_id
from tests.http.asking import TEXT, picture
from tests.remote import Remote, answered
from tests.server import Server, request_once

Do = Callable[..., Any]
"""Call a method of a client by its name; returns its result."""


@pytest.fixture(scope="module")
def remote() -> Iterator[Remote]:
    """The source of imported images."""
    remote = Remote()
    yield remote
    remote.close()


@pytest.fixture(scope="module")
def server(remote: Remote, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that imports from there."""
    server = Server(
        tmp_path_factory.mktemp("client") / "data",
        allow_url_import="true",
        url_import_ports=json.dumps([remote.port]),
        url_import_allow='["127.0.0.1/32"]',
    )
    yield server.start()
    server.close()


@pytest.fixture(params=[Client, pytest.param(AsyncClient, marks=pytest.mark.breadth)])
def do(server: Server, request: pytest.FixtureRequest) -> Do:
    """Calls a method of one of the clients."""

    def done(name: str, *arguments: Any, **named: Any) -> Any:
        if request.param is Client:
            with Client(f"http://127.0.0.1:{server.port}") as client:
                return getattr(client, name)(*arguments, **named)
        return asyncio.run(awaited(name, *arguments, **named))

    async def awaited(name: str, *arguments: Any, **named: Any) -> Any:
        async with AsyncClient(f"http://127.0.0.1:{server.port}") as client:
            return await getattr(client, name)(*arguments, **named)

    return done


def test_a_file_is_uploaded_as_the_whole_body(do: Do, tmp_path: Path) -> None:
    """It has fields and a name, from a path, bytes, or the current position of a file."""
    content = picture(1)
    path = tmp_path / "beach day.jpg"
    path.write_bytes(content)
    file = io.BytesIO(b"a header" + content)
    file.seek(8)
    told: list[tuple[int, int]] = []

    first = do(
        "upload_raw", path, title="Ä & b", tags="sea,sand", on_progress=lambda *at: told.append(at)
    )
    others = [do("upload_raw", source, filename="b.jpg") for source in (content, file)]

    assert (first.filename, first.title, first.tags) == ("beach day.jpg", "Ä & b", ["sea", "sand"])
    assert [image.bytes for image in (first, *others)] == [len(content)] * 3
    assert told[-1] == (len(content), len(content))
    assert first.etag is not None
    with pytest.raises(UnsupportedMediaType):
        do("upload_raw", TEXT, filename="a.jpg")


def test_a_raw_upload_that_is_sent_twice_is_one_image(do: Do) -> None:
    """The idempotency key identifies it."""
    key = new_id().hex

    first, second = (do("upload_raw", picture(2), idempotency_key=key) for _ in range(2))

    assert first.id == second.id
    assert (first.is_replay, second.is_replay) == (False, True)


def test_several_files_are_uploaded_at_once(do: Do, tmp_path: Path) -> None:
    """An error in one file does not affect the others, and progress is that of all files."""
    path = tmp_path / "one.jpg"
    path.write_bytes(picture(3))
    told: list[tuple[int, int]] = []

    entries = do(
        "upload_several", [path, TEXT, picture(4)], tags="lot",
        on_progress=lambda *at: told.append(at),
    )  # fmt: skip
    (alone,) = do("upload_several", [str(path)])

    assert [entry.status for entry in entries] == [201, 415, 201]
    assert entries[0].image.filename == "one.jpg"
    assert entries[0].error is None
    assert [entry.image.tags for entry in entries if entry.image] == [["lot"], ["lot"]]
    assert isinstance(entries[1].error, UnsupportedMediaType)
    assert told[-1] == (sum(map(len, (picture(3), TEXT, picture(4)))),) * 2
    assert (alone.status, alone.image.filename) == (201, "one.jpg")


def test_an_image_is_imported_by_its_url(do: Do, remote: Remote) -> None:
    """It has the given metadata; a source that is not allowed is an error."""
    content = picture(5)
    url = remote.url("/shore.jpg", answered(content))

    image = do("import_url", url, title="Shore", tags="sea, sand", visibility="unlisted")

    assert (image.filename, image.title, image.tags) == ("shore.jpg", "Shore", ["sea", "sand"])
    assert (image.bytes, image.visibility) == (len(content), "unlisted")
    assert image.etag is not None
    assert not do("import_url", url, share_location="false").share_location


def test_an_import_that_is_not_allowed_is_an_error(tmp_path: Path) -> None:
    """It is disabled unless the settings allow it."""
    server = Server(tmp_path / "data").start()
    try:
        with Client(f"http://127.0.0.1:{server.port}") as client, pytest.raises(Forbidden):
            client.import_url("https://example.com/a.jpg")
    finally:
        server.close()


def test_a_list_is_counted_and_read_page_by_page(do: Do) -> None:
    """`total` is optional, and the cursor leads to the next page; `OR` joins terms of a search."""
    tag = f"counted{new_id().hex}"
    ids = [do("upload", picture(10 + seed), title=f"n{seed}", tags=tag).id for seed in range(3)]

    first = do("image_page", f"tags:{tag}", limit=2, total=True)
    rest = do("image_page", f"tags:{tag}", limit=2, cursor=first.next_cursor)
    either = do("image_page", f"tags:{tag} title:n0 OR title:n2", total=True)

    assert (first.total, first.total_is_exact, len(first.data)) == (3, True, 2)
    assert (rest.total, rest.next_cursor) == (None, None)
    assert {image.id for image in (*first.data, *rest.data)} == set(ids)
    assert either.total == 2
    assert {image.id for image in either.data} == {ids[0], ids[2]}


def test_variants_are_made_by_presets_and_removed(do: Do) -> None:
    """Operations are names, query strings or transforms; without any, the eager presets."""
    image = do("upload", picture(6))

    (job,) = do("process", [image.id], ["thumbnail", "w=30", {"w": 31}])
    (default,) = do("process", [image.id])
    for each in (job, default):
        do("wait", each.id)

    assert [made.transform for made in job.operations] == ["h=256&w=256", "w=30", "w=31"]
    assert [made.name for made in default.operations] == ["thumbnail", "preview"]
    stored = do("variants", image.id)
    assert do("purge_variants", image.id) == len(stored) == 4
    assert do("variants", image.id) == []


def test_several_images_are_deleted(do: Do) -> None:
    """There is an entry with the result for each."""
    image = do("upload", picture(7))

    entries = do("delete_images", [image.id, "nonsense"])

    assert [(entry.id, entry.status) for entry in entries] == [
        (str(image.id), 204), ("nonsense", 404),
    ]  # fmt: skip
    assert isinstance(entries[1].error, NotFound)


def test_images_go_through_the_trash(do: Do) -> None:
    """They are listed there, restored, and deleted for good."""
    image, other = do("upload", picture(9)), do("upload", picture(10))

    entries = do("trash_images", [image.id, other.id, "nonsense"])
    assert [entry.status for entry in entries] == [204, 204, 404]
    assert do("image", image.id).trashed_at is not None
    page = do("image_page", trash="true")
    assert {it.id for it in page.data} == {other.id, image.id}
    assert [entry.status for entry in do("restore_images", [image.id])] == [204]
    assert do("empty_trash") == 1

    assert do("image", image.id).trashed_at is None
    with pytest.raises(NotFound):
        do("image", other.id)


def test_images_are_given_a_time_to_expire(do: Do) -> None:
    """At the upload in seconds or as a time; a change to None keeps them."""
    image = do("upload", picture(11), expires_in=3600)
    other = do("upload_raw", picture(12), expires_at="2999-01-01T00:00:00Z")

    assert image.expires_at > image.created_at
    assert other.expires_at.year == 2999
    assert do("update_image", image.id, expires_at=None).expires_at is None


def test_both_clients_take_the_same_arguments() -> None:
    """The arguments have the same names and defaults."""
    for name, method in inspect.getmembers(Client, inspect.isfunction):
        if not name.startswith("_"):
            other = inspect.signature(getattr(AsyncClient, name))
            assert other.parameters == inspect.signature(method).parameters, name


def test_a_signed_url_needs_no_credential(do: Do, server: Server) -> None:
    """It is absolute, and shows a private image."""
    image = do("upload", picture(8), visibility="private")

    signed = do("sign_urls", image.id, ["thumbnail"], expires_in=60, download=True)

    answer = request_once("GET", signed.data[0].url)
    assert signed.data[0].url.startswith(f"http://127.0.0.1:{server.port}/images/")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].startswith("attachment")
