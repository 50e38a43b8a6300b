"""The move of a data directory's metadata to PostgreSQL, while its server runs."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import Engine, create_engine, text

from imagesvc.store.db.postgres.election import TRY
from imagesvc.store.db.postgres.transfer import TableDigest, digests_of
from imagesvc.store.db.sqlite.soundness import read_only_engine
from imagesvc.store.db.sqlite.write_lock import WriteLock
from tests import commands
from tests.accounts import Account, admin_of, client_of, make_user
from tests.conftest import EMPTY
from tests.http.asking import picture
from tests.postgres import Postgres
from tests.server import Server
from tests.waiting import until

pytestmark = pytest.mark.cluster

LISTS = (
    "images", "collections", "shares", "users", "webhooks", "jobs", "searches", "upload-links",
    "timeline", "facets", "images?q=harbour", "images?q=tag:boat",
)  # fmt: skip


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server with rows of many kinds, on SQLite."""
    embedded = Server(tmp_path / "data", auth="required", database_url=None, secret_key=None)
    embedded.start()
    yield embedded
    embedded.close()


@pytest.fixture
def target(postgres: Postgres) -> Iterator[Engine]:
    """An empty database of PostgreSQL."""
    with postgres.copy_of(EMPTY) as url:
        engine = create_engine(url)
        yield engine
        engine.dispose()


def settings_for(server: Server, target: Engine) -> dict[str, Any]:
    """The settings with which the same data directory uses PostgreSQL."""
    url = target.url.render_as_string(hide_password=False).replace("+psycopg", "")
    return {"database_url": url, "secret_key_file": str(server.data_dir / "secret.key")}


def move(
    server: Server, target: Engine, *arguments: str, **others: Any
) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    wanted = {"data_dir": str(server.data_dir), **settings_for(server, target), **others}
    settings = {name: value for name, value in wanted.items() if value is not None}
    return commands.run("migrate", "--from", str(server.data_dir), *arguments, **settings)


def stock(server: Server, admin: Account) -> dict[str, Any]:
    """Make rows of many kinds; an image."""
    api = admin.client
    make_user(server, admin, "ann")
    images = []
    for number in range(3):
        data = {"title": f"Harbour {number}", "tags": ["boat", "\u00e9t\u00e9"]}
        files = {"file": (f"{number}.png", picture(number))}
        images.append(api.post("/api/v1/images/actions/upload", files=files, data=data).json())
    until(lambda: all(job["finished_at"] for job in api.get("/api/v1/jobs").json()["data"]))
    assert api.delete(f"/api/v1/images/{images[2]['id']}").status_code < 300
    first = images[0]["id"]
    made = api.post("/api/v1/collections", json={"title": "Sea"}).json()
    for path, body in (
        (
            f"collections/{made['id']}/relationships/images",
            {"data": [{"type": "images", "id": first}]},
        ),
        ("shares", {"collection_id": made["id"], "title": "For all"}),
        ("webhooks", {"url": "https://192.0.78.9/hook", "event_types": ["image.deleted"]}),
        ("searches", {"name": "Boats", "q": "tag:boat"}),
    ):
        assert api.post(f"/api/v1/{path}", json=body).status_code < 300, path
    assert api.get(f"/images/{first}?w=20").status_code == 200
    return dict(images[0])


def shown(client: httpx2.Client) -> dict[str, Any]:
    """What the lists show."""
    return {path: client.get(f"/api/v1/{path}").json() for path in LISTS}


def digests(server: Server, target: Engine) -> list[dict[str, TableDigest]]:
    """Those of both databases."""
    source = read_only_engine(server.data_dir / "imagesvc.db")
    both = []
    for engine in (source, target):
        with engine.connect() as connection:
            both.append(digests_of(connection))
        engine.dispose()
    return both


def test_a_running_installation_moves_whole(server: Server, target: Engine) -> None:
    """Its server reads on; ids, keys, URLs and the order of events stay valid."""
    admin = admin_of(server)
    image = stock(server, admin)
    url = f"/images/{image['id']}"
    signed = server.cli("sign", f"{url}?w=30", "--expires-in", "1h").stdout.strip()
    before = shown(admin.client)

    done = move(server, target)

    assert done.returncode == 0, done.stderr
    assert "           2 images\n" in done.stdout
    assert digests(server, target)[0] == digests(server, target)[1]
    assert shown(admin.client) == before
    ready = admin.client.get("/readyz")
    assert (ready.status_code, ready.json()["reads"]) == (503, True)
    assert "have moved" in ready.json()["checks"]["database_writes"]
    refused = admin.client.post("/api/v1/collections", json={"title": "Late"})
    assert (refused.status_code, "have moved" in refused.text) == (503, True)
    assert server.stop() == 0
    again = commands.run("serve", "--data-dir", str(server.data_dir), port=0)
    assert (again.returncode, "set database_url" in again.stderr) == (3, True)

    shared = Server(server.data_dir, auth="required", **settings_for(server, target)).start()
    try:
        api = client_of(shared, admin.key)
        assert shown(api) == before
        assert api.get(url).content == picture(0)
        assert client_of(shared).get(signed).status_code == 200
        last = newest_event(target)
        assert first_event_after(api, last - 1) == last
        files = {"file": ("new.png", picture(9))}
        added = api.post("/api/v1/images/actions/upload", files=files)
        assert added.status_code == 201
        assert first_event_after(api, last) == last + 1
    finally:
        shared.close()


def newest_event(target: Engine) -> int:
    """The id of the newest event."""
    with target.connect() as connection:
        return int(connection.scalar(text("SELECT max(id) FROM events")) or 0)


def first_event_after(client: httpx2.Client, event_id: int) -> int:
    """The id of the first event of the stream that continues there; it begins with that place."""
    headers = {"last-event-id": str(event_id)}
    with client.stream("GET", "/api/v1/events", headers=headers) as stream:
        ids = (int(line[3:]) for line in stream.iter_lines() if line.startswith("id:"))
        return next(found for found in ids if found != event_id)


def test_a_move_that_was_done_is_found_done(server: Server, target: Engine) -> None:
    stock(server, admin_of(server))
    assert move(server, target).returncode == 0

    again = move(server, target)

    assert again.returncode == 0
    assert "were moved before" in again.stdout


def test_a_killed_move_leaves_everything_as_it_was(server: Server, target: Engine) -> None:
    """Killed in the middle of the copy: the server writes on, and the next move has all of it."""
    admin = admin_of(server)
    stock(server, admin)
    settings = {"data_dir": str(server.data_dir), **settings_for(server, target)}
    with Path(os.devnull).open("r+b") as nothing, target.connect() as other:
        other.execute(text("LOCK TABLE jobs IN EXCLUSIVE MODE"))
        process = commands.start(
            "migrate", "--from", str(server.data_dir), directory=server.data_dir.parent,
            streams=(nothing, nothing, nothing), **settings,
        )  # fmt: skip
        waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        with target.connect() as watcher:
            until(lambda: watcher.scalar(waiting))
        process.kill()
        process.wait()

    assert admin.client.post("/api/v1/collections", json={"title": "Late"}).status_code == 201
    assert {digest.rows for digest in digests(server, target)[1].values()} == {0}
    assert move(server, target).returncode == 0
    assert digests(server, target)[0] == digests(server, target)[1]


def test_a_move_killed_before_its_commit_goes_on(server: Server, target: Engine) -> None:
    """The data directory says then that it has moved, and PostgreSQL has nothing yet."""
    stock(server, admin_of(server))
    lock = WriteLock(server.data_dir / "imagesvc.db")
    with lock.hold():
        lock.note_move()
    lock.close()

    assert move(server, target).returncode == 0
    assert digests(server, target)[0] == digests(server, target)[1]


TAMPER = """
CREATE FUNCTION tamper() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN NEW.title := 'other'; RETURN NEW; END $$;
CREATE TRIGGER tamper BEFORE INSERT ON images FOR EACH ROW EXECUTE FUNCTION tamper();
"""


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (TAMPER, "the rows of images differ"),
        ("INSERT INTO cdn_position (id, last_event_id) VALUES (1, 1)", "has other rows already"),
    ],
    ids=["rows that differ", "other rows"],
)
def test_a_refused_move_keeps_nothing(
    server: Server, target: Engine, statement: str, said: str
) -> None:
    admin = admin_of(server)
    stock(server, admin)
    with target.begin() as connection:
        connection.execute(text(statement))

    done = move(server, target)

    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert digests(server, target)[1]["images"].rows == 0
    assert admin.client.post("/api/v1/collections", json={"title": "Late"}).status_code == 201


def test_what_would_lose_something_is_refused(server: Server, target: Engine) -> None:
    """Other keys, originals that would be elsewhere, a database in use, a wrong directory.

    And a start without a move, after which the originals would be orphans.
    """
    other = move(server, target, secret_key_file=None, secret_key="00" * 32)
    assert (other.returncode, "secret_key: it must be that" in other.stderr) == (2, True)
    elsewhere = move(server, target, data_dir=str(server.data_dir.parent / "other"))
    assert (elsewhere.returncode, "data_dir: it must be" in elsewhere.stderr) == (2, True)
    with target.connect() as leader:
        leader.execute(text(TRY))
        used = move(server, target)
        assert (used.returncode, "A server runs on the database" in used.stderr) == (2, True)
    missing = commands.run("migrate", "--from", "/nowhere", **settings_for(server, target))
    assert (missing.returncode, "no data directory" in missing.stderr) == (2, True)
    assert server.client.get("/readyz").status_code == 200
    assert server.stop() == 0
    for command, code in {"serve": 3, "worker": 2, "check": 2}.items():
        early = commands.run(
            command, "--data-dir", str(server.data_dir), port=0, **settings_for(server, target)
        )
        assert (early.returncode, "has a database of SQLite" in early.stderr) == (code, True)


def test_a_new_database_does_not_take_the_originals_of_a_data_directory(
    server: Server, target: Engine, postgres: Postgres
) -> None:
    """Such as after a move that was killed just before its commit, or one that is made again."""
    admin = admin_of(server)
    assert admin.client.post("/images", content=picture(1)).status_code == 201
    assert move(server, target).returncode == 0
    assert server.stop() == 0
    stored = server.blobs()
    settings = {"data_dir": str(server.data_dir), **settings_for(server, target)}

    with postgres.copy_of(EMPTY) as url:
        other = {**settings, "database_url": url.replace("+psycopg", "")}
        for command, status in ((("serve",), 3), (("worker",), 2), (("gc", "--grace", "0s"), 2)):
            done = commands.run(*command, port=0, **other)
            assert (done.returncode, "is new, and" in done.stderr) == (status, True), done.stderr
    assert server.blobs() == stored != set()

    moved = Server(server.data_dir, auth="required", **settings_for(server, target))
    with contextlib.closing(moved):
        assert moved.start().client.get("/readyz").status_code == 200
        assert server.blobs() == stored
