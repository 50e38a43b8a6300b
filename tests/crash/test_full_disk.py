"""A full disk refuses uploads only (invariant 8)."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from tests.accounts import PASSWORD, Account, admin_of, client_of, log_in, make_user
from tests.crash.pictures import jpeg, large, marked
from tests.crash.traffic import rows
from tests.server import Server
from tests.sessions import ONE as SESSION
from tests.sessions import browser_of
from tests.visitors import LINKS, SHARES, link, share
from tests.waiting import until
from tests.workers.processes import busy

DISK_BYTES = 24 << 20
BLOCK = 4096
NO_INODES = "No inodes are left on the disk (df -i)."
PICTURE = jpeg(5, 260, 200)


class Disk:
    """A small file system for one data directory, and a file that fills it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.filler = root / "filler"

    @property
    def free(self) -> int:
        """Bytes that can still be written."""
        status = os.statvfs(self.root)
        return status.f_bavail * status.f_frsize

    def leave(self, room: int) -> None:
        """Fill the disk until `room` bytes or fewer are free: the server may be writing, too."""
        self.empty()
        with self.filler.open("wb") as file:
            size = max(BLOCK, self.free - room)
            while size > 0:
                with contextlib.suppress(OSError):
                    os.posix_fallocate(file.fileno(), 0, size)
                    break
                size -= BLOCK

    def empty(self) -> None:
        """Free the space again."""
        self.filler.unlink(missing_ok=True)


@contextlib.contextmanager
def mounted(root: Path, options: str = f"size={DISK_BYTES}") -> Iterator[None]:
    """A tmpfs at `root`; the test is skipped if mounting is not permitted."""
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(root)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if done.returncode != 0:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(root)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A tmpfs of 24 MiB."""
    root = tmp_path / "disk"
    root.mkdir()
    with mounted(root):
        yield Disk(root)


@pytest.fixture
def server(disk: Disk) -> Iterator[Server]:
    """A server that may fill the disk, without a minimum of free space."""
    server = Server(disk.root, workers=1, min_free_space="0", retry_delay="100ms").start()
    yield server
    disk.empty()
    server.close()


def stored_variants(server: Server) -> list[Path]:
    """The files of its variants."""
    return [path for path in (server.data_dir / "variants").rglob("*") if path.is_file()]


def recorded_bytes(server: Server) -> int:
    """The bytes of its variants, or 0 while one is without a row: a full disk would remove it."""
    files = stored_variants(server)
    keys = rows(server.data_dir, "SELECT key FROM variants")
    if not {path.name for path in files} <= keys:
        return 0
    return sum(path.stat().st_size for path in files)


def shrink_wal(server: Server) -> None:
    """Make the next commit allocate space on the disk."""
    with contextlib.closing(sqlite3.connect(server.data_dir / "imagesvc.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextlib.contextmanager
def interrupted_job(server: Server) -> Iterator[str]:
    """The id of a job whose worker stands still in the middle of it; it continues at the end."""
    image = server.upload(large(3, 2400, 1800))
    server.finished(image["job"]["id"])
    wanted = {"id": image["id"], "operations": ["w=2400&format=avif"]}
    asked = server.client.post("/api/v1/images/actions/process", json=wanted)
    worker = busy(server)
    os.kill(worker, signal.SIGSTOP)
    yield asked.json()["data"][0]["id"]
    with contextlib.suppress(ProcessLookupError):
        os.kill(worker, signal.SIGCONT)


@pytest.mark.parametrize("step", [2, pytest.param(1, marks=pytest.mark.long)])
def test_an_upload_is_accepted_or_refused_whole_whichever_write_fails(
    server: Server, disk: Disk, step: int
) -> None:
    """Free space grows by blocks: the failure hits the file, directories and commit."""
    kept = server.upload(marked(PICTURE, 0))
    server.finished(kept["job"]["id"])
    statuses = []
    for number in range(1, 60, step):
        disk.empty()
        shrink_wal(server)
        disk.leave(number * BLOCK)
        answer = server.client.post("/images?filename=a.jpg", content=marked(PICTURE, number))
        statuses.append(answer.status_code)
        assert server.client.get(f"/images/{kept['id']}").content == marked(PICTURE, 0)

    assert set(statuses) == {201, 507}
    disk.empty()
    unfinished = "SELECT id FROM jobs WHERE status IN ('pending', 'processing')"
    until(lambda: not rows(disk.root, unfinished))
    assert server.blobs() == rows(disk.root, "SELECT sha256 FROM images")
    assert list((disk.root / "tmp").iterdir()) == []
    assert len(server.blobs()) == 1 + statuses.count(201)
    assert server.cli("check").returncode == 0
    assert server.finished(server.upload(jpeg(7))["job"]["id"])["status"] == "succeeded"


def test_below_the_minimum_of_free_space_uploads_are_refused_and_reads_work(disk: Disk) -> None:
    """Originals, variants from memory and disk, and new variants are served."""
    server = Server(disk.root, workers=1, min_free_space="4MiB").start()
    image = server.upload(marked(PICTURE, 1))
    server.finished(image["job"]["id"])
    in_memory = server.client.get(f"/images/{image['id']}?w=100")

    disk.leave(3 << 20)
    answer = server.client.post("/images", content=marked(PICTURE, 2))
    nearly = server.client.get("/readyz").json()["checks"]["disk"]
    disk.leave(0)

    assert (answer.status_code, answer.json()["code"]) == (507, "insufficient_storage")
    assert nearly == "The disk is nearly full."
    ready = server.client.get("/readyz")
    assert (ready.status_code, ready.json()["checks"]["disk"]) == (503, "The disk is full.")
    assert server.client.get("/healthz").status_code == 200
    assert server.client.get(f"/images/{image['id']}").content == marked(PICTURE, 1)
    assert server.client.get(f"/images/{image['id']}/thumbnail").status_code == 200
    assert server.client.get(f"/images/{image['id']}?w=100").content == in_memory.content
    for width in range(200, 210):
        assert server.client.get(f"/images/{image['id']}?w={width}").status_code == 200
    assert server.client.get("/api/v1/images").status_code == 200
    disk.empty()
    server.upload(marked(PICTURE, 2))
    server.close()


@pytest.mark.breadth
def test_a_server_starts_on_a_full_disk_and_serves(server: Server, disk: Disk) -> None:
    """After a crash caused by a full disk, the images are available again."""
    image = server.upload(marked(PICTURE, 1))
    server.finished(image["job"]["id"])
    disk.leave(0)
    server.kill()

    disk.leave(256 << 10)  # recovery itself writes a little
    with contextlib.suppress(AssertionError):
        server.start()

    assert server.client.get(f"/images/{image['id']}").content == marked(PICTURE, 1)
    assert server.client.get(f"/images/{image['id']}/thumbnail").status_code == 200


def test_a_job_that_meets_a_full_disk_ends_when_there_is_room(server: Server, disk: Disk) -> None:
    """It fails or waits while the disk is full; afterwards it can succeed."""
    job_id = server.upload(large(3, 2400, 1800))["job"]["id"]
    shrink_wal(server)
    disk.leave(0)
    waits = ("not settled", "no jobs can be claimed")
    until(
        lambda: any(words in server.log() for words in waits) or job_ended(server, job_id),
    )

    disk.empty()
    job = server.finished(job_id)

    if job["status"] == "failed":
        assert job["error"]["code"] == "insufficient_storage"
        assert server.client.post(f"/api/v1/jobs/{job_id}/retry").status_code == 202
        job = server.finished(job_id)
    assert job["status"] == "succeeded"


@pytest.mark.breadth
def test_a_job_waits_for_space_and_its_attempts_are_not_counted(server: Server, disk: Disk) -> None:
    """It waits for any time; the log has one line at the begin and one at the end."""
    image = server.upload(jpeg(9, 1200, 900))
    server.finished(image["job"]["id"])
    server.stop()
    server.settings |= {"retry_delay": "10ms"}
    server.start()
    disk.leave(2 << 20)
    asked = server.client.post(
        "/api/v1/images/actions/process",
        json={"id": image["id"], "operations": ["w=1190&format=png"]},  # 3 MB
    )
    job_id = asked.json()["data"][0]["id"]

    until(lambda: server.log().count('"error":"insufficient_storage"') > 4)
    waiting = server.client.get(f"/api/v1/jobs/{job_id}").json()
    disk.empty()
    job = server.finished(job_id)

    assert waiting["status"] in {"pending", "processing"}
    assert (job["status"], job["attempts"]) == ("succeeded", 1)
    assert server.log().count("jobs.wait_for_space") == 1
    assert server.log().count("jobs.have_space") == 1


@pytest.mark.breadth
def test_a_disk_that_stays_full_is_not_logged_every_second(server: Server, disk: Disk) -> None:
    """A log that grows on a full disk makes the situation worse."""
    told = ("job.unsettled", "jobs.claim_failed")
    with interrupted_job(server) as job_id:
        shrink_wal(server)
        disk.leave(0)
    until(lambda: any(action in server.log() for action in told))
    time.sleep(4)  # in which something would be logged each second
    lines = sum(server.log().count(action) for action in told)
    disk.empty()

    assert lines <= 2
    server.finished(job_id)
    over = ('"job.settled"', '"jobs.claimed"')
    until(lambda: any(action in server.log() for action in over))


def test_deleting_works_on_a_full_disk(server: Server, disk: Disk) -> None:
    """Operators delete first, which needs a commit: the reserve has space for it."""
    images = [server.upload(marked(PICTURE, number)) for number in range(6)]
    for image in images:
        server.finished(image["job"]["id"])
    shrink_wal(server)
    disk.leave(0)
    refused = server.client.post("/api/v1/collections", json={"title": "no room"})

    first = server.client.delete(f"/api/v1/images/{images[0]['id']}/variants")
    second = server.client.delete(f"/api/v1/images/{images[1]['id']}")
    ids = [image["id"] for image in images[2:5]]
    third = server.client.post("/api/v1/images/actions/delete", json={"ids": ids})

    assert (refused.status_code, refused.json()["code"]) == (507, "insufficient_storage")
    assert (first.status_code, second.status_code) == (200, 204)
    assert [item["status"] for item in third.json()["data"]] == [204, 204, 204]
    assert server.client.get(f"/images/{images[1]['id']}").status_code == 404
    assert server.client.get(f"/images/{images[5]['id']}/thumbnail").status_code == 200
    assert not (disk.root / "reserve").exists()
    assert server.log().count("reserve.spent") == 1
    assert server.cli("check").returncode == 0
    disk.empty()
    server.stop()
    server.start()
    assert (disk.root / "reserve").stat().st_blocks * 512 >= 4 << 20
    assert server.log().count("reserve.filled") == 2


@pytest.mark.breadth
def test_the_trash_works_on_a_full_disk(server: Server, disk: Disk) -> None:
    """Operators of a gallery put images there, and empty it: both use the reserve."""
    images = [server.upload(marked(PICTURE, number)) for number in range(6)]
    for image in images:
        server.finished(image["job"]["id"])
    shrink_wal(server)
    disk.leave(0)
    refused = server.client.post("/api/v1/collections", json={"title": "no room"})

    ids = [image["id"] for image in images[:4]]
    put_in = server.client.post("/api/v1/images/actions/trash", json={"ids": ids})
    emptied = server.client.post("/api/v1/trash/actions/empty")

    assert (refused.status_code, refused.json()["code"]) == (507, "insufficient_storage")
    assert [entry["status"] for entry in put_in.json()["data"]] == [204] * 4
    assert (emptied.status_code, emptied.json()) == (200, {"deleted": 4})
    assert len(server.blobs()) == 2
    assert server.client.get(f"/images/{ids[0]}").status_code == 404
    assert server.client.get(f"/images/{images[5]['id']}/thumbnail").status_code == 200
    assert server.log().count("reserve.spent") == 1
    assert server.cli("check").returncode == 0


@pytest.mark.breadth
def test_deleting_works_again_on_a_disk_that_is_full_again(server: Server, disk: Disk) -> None:
    """The first deletes used the reserve; next, variants are removed, which can be made again."""
    images = [server.upload(large(number, 1600, 1200)) for number in range(3)]
    for image in images:
        server.finished(image["job"]["id"])
        server.client.get(f"/images/{image['id']}?w=1500&format=png")
    until(lambda: recorded_bytes(server) > 1 << 20)
    (disk.root / "reserve").unlink()
    (disk.root / "reserve.inode").unlink()
    shrink_wal(server)
    disk.leave(0)

    first = server.client.delete(f"/api/v1/images/{images[0]['id']}")
    kept = server.client.get(f"/images/{images[1]['id']}/preview")

    assert (first.status_code, first.text) == (204, "")
    assert "reserve.variants_removed" in server.log()
    assert kept.status_code == 200
    disk.empty()
    assert server.cli("check").returncode == 0


def test_a_server_starts_without_a_byte_free_and_deletes(server: Server, disk: Disk) -> None:
    """The reserve has the space for the database's log, also for commands that delete."""
    images = [server.upload(marked(PICTURE, number)) for number in range(3)]
    for image in images:
        server.finished(image["job"]["id"])
    server.stop()
    disk.leave(0)

    shown = server.cli("stats", "--json")
    refused = server.cli("import", str(disk.root / "blobs"))
    kept = (disk.root / "reserve").exists()
    collected = server.cli("gc")
    server.start()

    assert (shown.returncode, json.loads(shown.stdout)["images"]["count"]) == (0, 3)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert f"Make room on the disk of {disk.root}: imagesvc stats" in refused.stderr
    assert kept
    assert collected.returncode == 0
    assert server.client.get(f"/images/{images[0]['id']}").content == marked(PICTURE, 0)
    assert server.client.delete(f"/api/v1/images/{images[1]['id']}").status_code == 204
    assert server.stop() == 0


@pytest.mark.breadth
def test_a_server_that_cannot_start_on_a_full_disk_reports_it_and_ends(
    server: Server, disk: Disk
) -> None:
    """Without a reserve it cannot start; a hang would look like a slow start."""
    server.stop()
    (disk.root / "reserve").unlink()
    disk.leave(0)

    command = server.cli("key", "add", "admin")
    with pytest.raises(AssertionError, match="the server ended"):
        server.start()

    assert (command.returncode, command.stdout) == (2, "")
    assert command.stderr.startswith("imagesvc: The disk that holds the database is full. Make ")
    assert '"action":"service.failed"' in server.log()
    disk.empty()
    server.start()


def test_a_first_start_on_a_full_disk_leaves_nothing_half_made(disk: Disk) -> None:
    """The next start would use a truncated secret."""
    disk.leave(0)
    server = Server(disk.root / "data", workers=1, min_free_space="0", auth="required")
    server.log_path = disk.root.parent / "first.log"

    with pytest.raises(AssertionError, match="No space left on device"):
        server.start()

    left = [path for path in (disk.root / "data").rglob("*") if path.is_file()]
    disk.empty()
    server.start()
    assert left == []
    assert admin_of(server).client.get("/api/v1/images").status_code == 200
    server.close()


@pytest.mark.breadth
def test_a_stop_on_a_full_disk_ends(disk: Disk) -> None:
    """A job that cannot be put back is recovered by the next start, as after a crash."""
    server = Server(
        disk.root, workers=1, min_free_space="0", shutdown_timeout="100ms", log_level="info"
    ).start()
    with interrupted_job(server) as job_id:
        (disk.root / "reserve").unlink()
        shrink_wal(server)
        disk.leave(0)

        assert server.stop() == 0

    disk.empty()
    server.start()
    assert server.finished(job_id)["status"] == "succeeded"
    server.close()


@pytest.mark.breadth
def test_with_accounts_all_writes_are_refused_until_there_is_space(
    disk: Disk,
) -> None:
    """Logins, keys, edits, collections, slots and webhooks: 507, no bug, no restart."""
    server = Server(
        disk.root, workers=1, min_free_space="0", auth="required", rate_limits="off",
        webhook_allow='["127.0.0.1/32"]',
    ).start()  # fmt: skip
    admin = admin_of(server)
    make_user(server, admin, "ann", password=PASSWORD)
    ask = admin.client
    image = ask.post("/images?filename=a.jpg", content=marked(PICTURE, 1)).json()
    job = f"/api/v1/jobs/{image['job']['id']}"
    until(lambda: ask.get(job).json()["status"] == "succeeded")  # it writes, too
    collection = ask.post("/api/v1/collections", json={"title": "there"}).json()["id"]
    slot = ask.get("/api/v1/images/actions/upload-url").json()["url"]
    refresh = log_in(server, "ann")["refresh_token"]
    password = {"username": "ann", "password": PASSWORD}
    again = {"grant_type": "refresh_token", "refresh_token": refresh}
    hook = {"url": "http://127.0.0.1:9/", "event_types": ["image.deleted"]}
    link = {"data": [{"type": "images", "id": image["id"]}]}
    once = {"idempotency-key": '"once"'}
    users, collections = "/api/v1/users", "/api/v1/collections"
    writes: list[Callable[[], httpx2.Response]] = [
        lambda: server.client.post("/api/v1/auth/token", data=password),
        lambda: server.client.post("/api/v1/auth/token", data=again),
        lambda: ask.patch(f"/api/v1/images/{image['id']}", json={"title": "x" * 900}),
        lambda: ask.post(collections, json={"title": "new"}),
        lambda: ask.patch(f"{collections}/{collection}", json={"title": "changed"}),
        lambda: ask.post(f"{collections}/{collection}/relationships/images", json=link),
        lambda: ask.get("/api/v1/images/actions/upload-url"),
        lambda: server.client.put(slot, content=marked(PICTURE, 2)),
        lambda: ask.post("/images", content=marked(PICTURE, 3), headers=once),
        lambda: ask.post(
            "/api/v1/images/actions/process", json={"ids": [image["id"]], "operations": ["preview"]}
        ),
        lambda: ask.post(users, json={"name": "eve", "password": PASSWORD}),
        lambda: ask.post("/api/v1/api-keys", json={"name": "new", "scopes": ["read"]}),
        lambda: ask.post("/api/v1/webhooks", json=hook),
    ]
    for number, write in enumerate(writes):
        disk.empty()
        shrink_wal(server)
        disk.leave(0)
        answer = write()
        assert (answer.status_code, answer.json()["code"]) == (507, "insufficient_storage"), number
    for path in (f"/images/{image['id']}", "/api/v1/images?q=a", users, "/metrics"):
        assert ask.get(path).status_code == 200
    disk.empty()

    assert all(write().is_success for write in writes)
    assert "request.bug" not in server.log()
    assert server.cli("check").returncode == 0
    server.close()


@pytest.mark.breadth
def test_users_log_in_and_access_ends_on_a_full_disk(disk: Disk) -> None:
    """Who empties the trash logs in before; a leaked link or key cannot wait for space.

    Each request has the space of the reserve.
    """
    server = Server(
        disk.root, workers=1, min_free_space="0", auth="required", rate_limits="off",
        webhook_allow='["127.0.0.1/32"]',
    ).start()  # fmt: skip
    admin = admin_of(server)
    ask = admin.client
    ann, bob = (make_user(server, admin, name, password=PASSWORD) for name in ("ann", "bob"))
    revoked, token, bobs = (log_in(server, name)["access_token"] for name in ("ann", "ann", "bob"))
    browser, other = (browser_of(server, "ann") for _ in range(2))
    key_id = ann.client.get("/api/v1/api-keys").json()["data"][0]["id"]
    collection = {"title": "empty"}
    collection_id = ask.post("/api/v1/collections", json=collection).json()["id"]
    shared = share(ask, collection_id=collection_id)
    guests = link(ask, collection_id=collection_id)
    hook = {"url": "http://127.0.0.1:9/", "event_types": ["image.deleted"]}
    hook_id = ask.post("/api/v1/webhooks", json=hook).json()["id"]
    link_token = server.cli("setup-link").stdout.strip().rpartition("#")[2]
    chosen = {"name": "boss", "password": PASSWORD}
    ends: list[Callable[[], httpx2.Response]] = [
        lambda: client_of(server).post("/api/v1/setup", json=chosen | {"token": link_token}),
        lambda: client_of(server).post(SESSION, json={"name": "bob", "password": PASSWORD}),
        lambda: ask.delete(f"{SHARES}/{shared['id']}"),
        lambda: ask.delete(f"{LINKS}/{guests['id']}"),
        lambda: ask.delete(f"/api/v1/webhooks/{hook_id}"),
        lambda: ask.delete(f"/api/v1/collections/{collection_id}"),
        lambda: ask.delete(f"/api/v1/api-keys/{key_id}"),
        lambda: browser.delete(SESSION),
        lambda: ask.delete(f"/api/v1/sessions/{session_id(ask, ann)}"),
        lambda: server.client.post("/api/v1/auth/revoke", data={"token": revoked}),
        lambda: ask.patch(f"/api/v1/users/{ann.id}", json={"password": "another password"}),
        lambda: ask.patch(f"/api/v1/users/{bob.id}", json={"is_disabled": True}),
    ]
    for number, end in enumerate(ends):
        disk.empty()
        (disk.root / "reserve").write_bytes(b"\0" * (1 << 20))
        shrink_wal(server)
        disk.leave(0)
        assert end().status_code in {200, 204}, number
        assert not (disk.root / "reserve").exists(), number

    for path in (f"/api/v1/shared/{shared['token']}", f"/api/v1/guest/{guests['token']}"):
        assert server.client.get(path).status_code == 404
    for credential in (ann.key, bob.key, revoked, token, bobs):
        assert client_of(server, credential).get("/api/v1/users/me").status_code == 401
    assert other.get(SESSION).status_code == 401
    disk.empty()
    assert server.cli("check").returncode == 0
    server.close()


def session_id(ask: httpx2.Client, user: Account) -> str:
    """The id of the only session of a user."""
    (session,) = ask.get(f"/api/v1/sessions?user={user.id}").json()["data"]
    found: str = session["id"]
    return found


def job_ended(server: Server, job_id: str) -> bool:
    """Whether the job has ended."""
    status = server.client.get(f"/api/v1/jobs/{job_id}").json()["status"]
    return status in {"succeeded", "failed"}


@pytest.mark.breadth
@pytest.mark.parametrize("end", ["none", "stop", "kill"])
def test_check_works_on_a_full_disk(server: Server, disk: Disk, end: str) -> None:
    """It works with a running server, after a stop, and after a kill."""
    for seed in range(3):
        server.finished(server.upload(marked(PICTURE, seed))["job"]["id"])
    if end == "stop":
        server.stop()
    disk.leave(0)
    if end == "kill":
        server.kill()

    checked = server.cli("check")

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "3 blobs verified" in checked.stdout


@pytest.mark.breadth
def test_a_disk_without_inodes_refuses_uploads_starts_and_deletes(tmp_path: Path) -> None:
    """SQLite makes two files at a start: the reserve also has inodes for them."""
    root = tmp_path / "disk"
    root.mkdir()
    with mounted(root, f"size={DISK_BYTES},nr_inodes=400"):
        server = Server(root / "data", workers=1, min_free_space="4MiB").start()
        images = [server.upload(marked(PICTURE, number)) for number in range(2)]
        for image in images:
            server.finished(image["job"]["id"])
        use_up_inodes(root)
        refused = server.client.post("/images?filename=a.jpg", content=marked(PICTURE, 3))
        ready = server.client.get("/readyz")
        metrics = server.client.get("/metrics").text
        server.stop()
        use_up_inodes(root)

        server.start("/healthz")

        assert (refused.status_code, refused.json()["code"]) == (507, "insufficient_storage")
        assert refused.json()["detail"] == NO_INODES
        assert (ready.status_code, ready.json()["checks"]["disk"]) == (503, NO_INODES)
        assert "imagesvc_disk_free_inodes 0.0" in metrics
        assert server.client.get(f"/images/{images[0]['id']}").content == marked(PICTURE, 0)
        assert server.client.delete(f"/api/v1/images/{images[1]['id']}").status_code == 204
        assert "Traceback" not in server.log()
        server.close()


def use_up_inodes(root: Path) -> None:
    """Make empty files until no more can be made."""
    with contextlib.suppress(OSError):
        for number in range(400):
            (root / f"{os.urandom(8).hex()}{number}").touch()
