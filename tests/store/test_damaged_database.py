"""A damaged database: `check` finds it, the server reports it, without a traceback."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import commands
from tests.breadth import represented
from tests.crash.pictures import jpeg
from tests.http.asking import assert_problem
from tests.namespaces import can_have_namespaces
from tests.server import Server
from tests.store.stock import make_stock

PAGE = 4096
IMAGES = 24
Damage = Callable[[Path], None]


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a stopped server with some images: its log is in the database."""
    return make_stock(tmp_path_factory.mktemp("stock"), IMAGES, "[]", description="words " * 50)


def database(server: Server) -> Path:
    """The database of the server."""
    return server.data_dir / "imagesvc.db"


def overwrite(path: Path, start: int, content: bytes) -> None:
    """Change bytes of a file in place."""
    with path.open("r+b") as file:
        file.seek(start)
        file.write(content)


def page(number: int) -> Damage:
    """Overwrite a page with noise, counted from 0; from the end when it is negative."""

    def damage(path: Path) -> None:
        place = number % (path.stat().st_size // PAGE)
        overwrite(path, place * PAGE, random.Random(number).randbytes(PAGE))

    return damage


def table(name: str) -> Damage:
    """Overwrite the root page of a table or an index."""

    def damage(path: Path) -> None:
        with sqlite3.connect(path) as connection:
            query = "SELECT rootpage FROM sqlite_schema WHERE name = ?"
            (root,) = connection.execute(query, [name]).fetchone()
        connection.close()
        overwrite(path, (root - 1) * PAGE, b"\xa5" * PAGE)

    return damage


def cut(part: float) -> Damage:
    """Truncate the file."""
    return lambda path: os.truncate(path, int(path.stat().st_size * part))


DAMAGES: dict[str, Damage] = {
    "no header": lambda path: overwrite(path, 0, bytes(100)),
    "another header": lambda path: overwrite(path, 0, b"-- a dump of a database\n" * 4),
    "first page": page(0),
    "page 7": page(7),
    "last page": page(-1),
    "images": table("images"),
    "jobs": table("jobs"),
    "an index": table("ix_jobs_owner_id_id"),
    "schema version": table("alembic_version"),
    "half": cut(0.5),
    "a page and a half": lambda path: os.truncate(path, PAGE * 3 // 2),
    "empty": lambda path: os.truncate(path, 0),
    "gone": lambda path: path.unlink(),
}

NAMED = {
    "an index": "database: all tables can be read: only indexes are damaged",
    "images": "database: the table images cannot be read whole",
}
"""What tells whether `.dump` suffices."""
QUICK = {"no header", "images", "an index", "half", "empty"}
CASES = [
    pytest.param(damage, id=name, marks=[] if name in QUICK else pytest.mark.long)
    for name, damage in DAMAGES.items()
]


needs_sqlite3 = pytest.mark.skipif(
    shutil.which("sqlite3") is None, reason="there is no sqlite3 command"
)


@pytest.mark.parametrize("damage", CASES)
def test_check_names_the_damage_and_what_to_do(
    stocked: Server, damage: Damage, request: pytest.FixtureRequest
) -> None:
    """The exit status is 1, without a traceback, and the originals are still verified."""
    damage(database(stocked))
    before = [path.read_bytes() for path in stocked.data_dir.glob("imagesvc.db")]

    checked = stocked.cli("check")

    assert checked.returncode == 1, checked.stdout + checked.stderr
    assert "database: " in checked.stdout
    assert "Traceback" not in checked.stdout + checked.stderr
    assert "Stop the server" in checked.stdout
    assert f"{IMAGES} blobs verified" in checked.stdout
    assert NAMED.get(request.node.callspec.id, "") in checked.stdout
    assert before == [path.read_bytes() for path in stocked.data_dir.glob("imagesvc.db")]


@pytest.mark.parametrize("damage", CASES)
def test_a_server_answers_or_reports_why_it_cannot(stocked: Server, damage: Damage) -> None:
    """It ends with one line about the database, or runs and answers 503 for unreadable rows."""
    damage(database(stocked))
    blobs = stocked.blobs()

    try:
        stocked.start("/healthz")
    except AssertionError:
        log = stocked.log()
        assert "cannot start" in log
        assert "database" in log
    else:
        answers = [
            stocked.client.get(path)
            for path in ("/api/v1/images?limit=200", "/api/v1/jobs?limit=200", "/readyz")
        ]
        assert {answer.status_code for answer in answers} <= {200, 503}
        upload = stocked.client.post("/api/v1/images", files={"file": ("a.jpg", jpeg(99))})
        assert upload.status_code in {201, 503}, upload.text
    assert "Traceback" not in stocked.log()
    assert "bug" not in stocked.log()
    assert blobs <= stocked.blobs()


def test_reads_of_a_damaged_page_are_503_and_reported(stocked: Server) -> None:
    """The first error is remembered.

    The server is not ready any more, and the log does not fill up.
    """
    stocked.start()
    table("images")(database(stocked))

    answer = stocked.client.get("/api/v1/images?limit=200")
    while answer.status_code == 200:  # a commit makes readers forget the pages of before
        made = stocked.client.post("/api/v1/collections", json={"title": "new"})
        assert made.status_code == 201, made.text
        answer = stocked.client.get("/api/v1/images?limit=200")

    assert_problem(answer, 503, "database_damaged")
    ready = stocked.client.get("/readyz")
    assert ready.status_code == 503
    assert "damaged" in ready.json()["checks"]["database"]
    assert "imagesvc_database_damaged 1.0" in stocked.client.get("/metrics").text
    assert stocked.client.get("/healthz").status_code == 200
    assert "request.bug" not in stocked.log()


def test_a_lost_database_is_not_treated_as_a_first_start(stocked: Server) -> None:
    """With a new database every original would be an orphan, which collection removes."""
    database(stocked).unlink()
    blobs = stocked.blobs()

    with pytest.raises(AssertionError, match="the server ended"):
        stocked.start()
    collected = stocked.cli("gc", "--grace", "0s")

    assert collected.returncode == 2
    assert "imagesvc.db" in collected.stderr
    assert not database(stocked).exists()
    assert stocked.blobs() == blobs


@pytest.mark.breadth
def test_check_runs_beside_a_server_and_after_a_kill(stocked: Server) -> None:
    """Changes that are only in the log are read; without the log, rows are missing."""
    stocked.start()
    digest = stocked.upload(jpeg(200))["sha256"]
    assert f"{IMAGES + 1} blobs verified" in stocked.cli("check").stdout
    stocked.kill()

    checked = stocked.cli("check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{IMAGES + 1} blobs verified" in checked.stdout
    (stocked.data_dir / "imagesvc.db-wal").unlink(missing_ok=True)
    (stocked.data_dir / "imagesvc.db-shm").unlink(missing_ok=True)

    checked = stocked.cli("check")
    assert "Traceback" not in checked.stderr
    assert checked.returncode == 0 or "database: " in checked.stdout
    lines = [line for line in checked.stdout.splitlines() if line.startswith("without a row")]
    assert any(digest in line for line in lines) or checked.returncode == 1


@pytest.mark.skipif(not can_have_namespaces(), reason="no namespaces for users here")
@pytest.mark.parametrize("is_killed", represented([False, True], True))
def test_check_needs_no_write(stocked: Server, *, is_killed: bool) -> None:
    """A read-only directory can be checked, after a stop and after a kill."""
    stocked.start()
    stocked.upload(jpeg(300))
    if is_killed:
        stocked.kill()
    else:
        stocked.stop()
    place = stocked.data_dir

    checked = commands.run(
        "check", "--data-dir", str(place), directory=place.parent, read_only=place
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{IMAGES + 1} blobs verified" in checked.stdout


@needs_sqlite3
def test_the_documented_steps_recover_a_database_with_a_damaged_index(stocked: Server) -> None:
    """It uses `.dump`, which every sqlite3 has; steps that lose the rows would be worse."""
    DAMAGES["an index"](database(stocked))
    assert stocked.cli("check").returncode == 1

    done = run_block(stocked, RECOVER)

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{IMAGES} blobs verified" in done.stdout
    assert "without a row" not in done.stdout
    stocked.start()
    assert len(stocked.client.get("/api/v1/images?limit=200").json()["data"]) == IMAGES


@needs_sqlite3
def test_documented_steps_that_fail_leave_the_database(stocked: Server) -> None:
    """A dump of a damaged table ends in ROLLBACK, so a database without rows is made of it."""
    table("images")(database(stocked))
    before = database(stocked).read_bytes()

    done = run_block(stocked, RECOVER)

    assert done.returncode != 0
    assert "blobs verified" not in done.stdout
    assert database(stocked).read_bytes() == before


def test_the_documented_steps_save_originals_without_rows(stocked: Server) -> None:
    """What belonged to lost rows is counted, then removed; files of lost images are copied."""
    with contextlib.closing(sqlite3.connect(database(stocked))) as connection, connection:
        connection.execute("DELETE FROM images WHERE number > 4")
        connection.execute("DELETE FROM blobs WHERE sha256 NOT IN (SELECT sha256 FROM images)")
        connection.execute("UPDATE images SET owner_id = id WHERE number = 1")
        connection.execute(
            "DELETE FROM blobs WHERE sha256 = (SELECT sha256 FROM images WHERE number = 2)"
        )
    lost = IMAGES - 4
    found = stocked.cli("check")
    assert found.returncode == 1
    assert f"database: {lost} rows of jobs point at no row of images" in found.stdout
    assert "database: 1 rows of images point at no row of users" in found.stdout
    assert "points at no row of blobs" in found.stdout
    assert found.stdout.count("without a row (run gc): ") == lost + 1

    done = run_block(stocked, REPAIR)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 blobs verified" in done.stdout
    assert len(list((stocked.data_dir.parent / "lost").iterdir())) == lost
    with contextlib.closing(sqlite3.connect(database(stocked))) as connection:
        assert connection.execute("SELECT count(*) FROM images").fetchone() == (4,)
        assert connection.execute("SELECT count(*) FROM jobs").fetchone() == (4,)


RECOVER, REPAIR = 1, 2


def run_block(server: Server, number: int) -> subprocess.CompletedProcess[str]:
    """Run a documented block of commands as if it was pasted, without systemd and sudo."""
    text = (Path(__file__).parents[2] / "docs" / "data-directory.md").read_text()
    section = text.partition("## A damaged database")[2]
    script = section.split("```sh\n")[number + 1].partition("```")[0]
    for documented, own in (
        (" &&\nsudo systemctl start imagesvc.socket imagesvc.service", ""),
        ("-o imagesvc -g imagesvc ", ""),
        ("chown -R imagesvc:", "test -d"),
        ("sudo -u imagesvc ", ""),
        ("sudo ", ""),
        ("/root/", f"{server.data_dir.parent}/"),
        ("/var/lib/imagesvc/data", str(server.data_dir)),
        ("/var/lib/imagesvc", str(server.data_dir.parent)),
        (".recover", ".dump"),
    ):
        script = script.replace(documented, own)
    return commands.run_script(script, "/opt/imagesvc/bin/imagesvc")


def test_the_messages_name_the_page_that_has_the_whole_sequence(stocked: Server) -> None:
    """The pipeline alone makes an empty file with some versions of sqlite3."""
    DAMAGES["half"](database(stocked))

    checked = stocked.cli("check")

    assert 'docs/data-directory.md says under "A damaged database"' in checked.stdout
    assert "| sqlite3" not in checked.stdout
