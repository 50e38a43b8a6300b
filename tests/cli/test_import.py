"""`imagesvc import`: into a service and into a data directory; kills, sidecars, lost servers."""

from __future__ import annotations

import contextlib
import json
import os
import random
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import commands
from tests.breadth import represented
from tests.crash.traffic import LONG_KILLS
from tests.cut_proxy import CutProxy, cut_proxy
from tests.http.asking import TEXT, picture
from tests.library.importing.test_sidecars import BOMB, XMP, takeout
from tests.server import Server, reserve_port
from tests.waiting import LONG_PATIENCE, PATIENCE, until

NULL = Path(os.devnull)
MANY_KILLS = min(25, LONG_KILLS)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server without accounts that makes no variants in advance."""
    shared = Server(tmp_path_factory.mktemp("import") / "data", eager_presets="[]").start()
    yield shared
    shared.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder."""
    path = tmp_path / "photos"
    path.mkdir()
    return path


def save(path: Path, seed: int) -> Path:
    """A picture of few pixels; each seed makes other bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture(seed, (1 + seed // 256, 1 + seed % 256), "PNG"))
    return path


def arguments(folder: Path, *more: object) -> tuple[str, ...]:
    """Of the command, with a state of its own."""
    state = folder.parent / "state.db"
    return ("import", str(folder), "--state", str(state), *map(str, more))


def run(server: Server, folder: Path, *more: object) -> subprocess.CompletedProcess[str]:
    """Import a folder into a server."""
    return commands.run(*arguments(folder, *more), url=server.client.base_url)


def of_tag(server: Server, tag: str) -> list[dict[str, Any]]:
    """The images with a tag, by their names."""
    answer = server.client.get("/api/v1/images", params={"q": f"tags:{tag}", "limit": 200}).json()
    return sorted(answer["data"], key=lambda image: image["filename"])


def test_a_folder_with_sidecars(server: Server, folder: Path) -> None:
    """A second run makes nothing, and neither does one without the state."""
    save(folder / "Sea" / "a.png", 1)
    (folder / "Sea" / "a.xmp").write_text(XMP.format(more=""))
    save(folder / "Sea" / "again.png", 1)
    cut = save(folder / "Sea" / f"{'b' * 47}.png", 2)
    (folder / "Sea" / "b.json").write_bytes(takeout(f"{'b' * 60}.png", description="long #name"))
    plain = save(folder / "Hill" / os.fsdecode(b"caf\xe9.png"), 3)
    os.utime(plain, (0, 1_000_000_000))
    (folder / "Hill" / "caf.png.xmp").write_bytes(BOMB)
    save(folder / "Hill" / "caf.png", 4)
    (folder / "Hill" / "notes.txt").write_bytes(TEXT)
    (folder / "Hill" / "bad.png").write_bytes(TEXT)
    (folder / "Hill" / "loop").symlink_to("..")
    options = ("--collection", "{folder} {year}", "--tag", "folder1", "--visibility", "unlisted")

    first = run(server, folder, *options)
    second = run(server, folder, *options, "--json")
    (folder.parent / "state.db").unlink()
    third = run(server, folder, *options)

    assert (first.returncode, first.stdout) == (1, "")
    bad, sidecar, summary = first.stderr.splitlines()
    assert bad.startswith(f"{folder}/Hill/bad.png: ")
    assert sidecar.startswith(f"sidecar not used: {folder}/Hill/caf.png.xmp: ")
    assert summary == (
        "4 files imported, 1 repeated (same content), 1 failed, 1 skipped (not images)"
    )
    assert {json.loads(line)["status"] for line in second.stdout.splitlines()} == {
        "there",
        "failed",
    }
    for done in (second, third):
        assert done.stderr.splitlines()[-1].startswith(
            "0 files imported, 5 there already, 1 failed"
        )
    images = {image["filename"]: image for image in of_tag(server, "folder1")}
    assert images.keys() == {"a.png", f"{'b' * 60}.png", "caf.png", "caf?.png"}, cut
    a = images["a.png"]
    assert (a["title"], a["description"], a["visibility"]) == ("Bondi", "At the beach", "unlisted")
    assert a["exif"]["taken_at"] == "2019-07-14T18:20:00"
    assert a["gps"]["latitude"] == -33.865
    assert set(a["tags"]) == {"folder1", "sea  sand", "surf"}
    assert "name" in images[f"{'b' * 60}.png"]["tags"]
    assert images["caf?.png"]["exif"]["taken_at"].startswith("2001-09-")
    titles = {
        one["id"]: one["title"] for one in server.client.get("/api/v1/collections").json()["data"]
    }
    assert titles[a["collection_id"]] == "Sea 2019"
    assert titles[images["caf?.png"]["collection_id"]] == "Hill 2001"


def test_a_dry_run_and_the_trash(server: Server, folder: Path) -> None:
    """Nothing is made, and what is in the trash is not imported again."""
    save(folder / "a.png", 11)

    dry = run(server, folder, "--dry-run", "--collection", "{folder}", "--tag", "dry")
    assert (dry.returncode, dry.stdout) == (0, f"{folder}/a.png → photos\n")
    assert dry.stderr == "1 file would be imported\n"
    assert of_tag(server, "dry") == []
    run(server, folder, "--tag", "dry")
    ids = [image["id"] for image in of_tag(server, "dry")]
    server.client.post("/api/v1/images/actions/trash", json={"ids": ids})

    done = run(server, folder, "--tag", "dry")

    assert done.stderr == "0 files imported, 1 in the trash\n"


@pytest.mark.breadth
def test_a_dry_run_counts_as_the_run_after_it(server: Server, folder: Path) -> None:
    """Equal files that are read far apart, and files that are refused; those make no collection."""
    for seed in range(100, 140):
        save(folder / "Good" / f"{seed}.png", seed)
    save(folder / "Good" / "z.png", 100)
    bad = folder / "Bad" / "bad.png"
    bad.parent.mkdir()
    bad.write_bytes(TEXT)
    (folder / "Bad" / "empty.png").touch()

    dry = run(server, folder, "--collection", "{folder}", "--dry-run")
    done = run(server, folder, "--collection", "{folder}")

    assert (dry.returncode, done.returncode) == (1, 1)
    assert done.stderr.splitlines()[-1] == "40 files imported, 1 repeated (same content), 2 failed"
    said = dry.stderr.replace("would be imported", "imported")
    assert sorted(said.splitlines()) == sorted(done.stderr.splitlines())
    data = server.client.get("/api/v1/collections").json()["data"]
    titles = {one["title"] for one in data}
    assert "Good" in titles
    assert "Bad" not in titles


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (("--collection", "{no}"), "imagesvc: --collection may have {folder}"),
        (("--owner", "ada"), "imagesvc: --owner is for a data directory without a server"),
        (("--state", __file__), "cannot be used as the state of imports"),
    ],
)
def test_options_that_cannot_be_used(
    server: Server, folder: Path, options: tuple[str, ...], error: str
) -> None:
    """The error names the option; the given file is as it was."""
    before = Path(__file__).read_bytes()

    done = run(server, save(folder / "a.png", 12).parent, *options)

    assert (done.returncode, done.stdout) == (2, "")
    assert error in done.stderr
    assert Path(__file__).read_bytes() == before


def started(server: Server, folder: Path) -> commands.Process:
    """An import that runs by itself."""
    with NULL.open("r+b") as null:
        return commands.start(
            *arguments(folder), directory=folder.parent, streams=(null, null, null),
            url=server.client.base_url,
        )  # fmt: skip


def import_with_kills(server: Server, place: Path, files: int, kills: int) -> None:
    """Import generated files into a server, with SIGKILL at random times, and once to the end."""
    folder = place / "photos"
    for seed in range(files):
        save(folder / str(seed % 7) / f"{seed}.png", seed)
    chance = random.Random(files)
    for number in range(kills):
        wanted = images_of(server) + chance.randrange(1, max(2, files // (kills + 1)))
        process = started(server, folder)
        until(
            lambda: images_of(server) >= min(files, wanted) or process.poll() is not None,  # noqa: B023
            LONG_PATIENCE,
        )
        process.kill()
        process.wait()
        if number % 3 == 2:
            server.kill()
            server.start()
    done = commands.run(*arguments(folder), patience=LONG_PATIENCE, url=server.client.base_url)
    assert done.returncode == 0, done.stdout + done.stderr


def images_of(server: Server) -> int:
    """The number of images; lists of many are not counted to the end."""
    database = sqlite3.connect(f"file:{server.data_dir}/imagesvc.db?mode=ro", uri=True)
    with contextlib.closing(database):
        number: int = database.execute("SELECT count(*) FROM images").fetchone()[0]
    return number


@pytest.mark.parametrize(
    ("files", "kills"),
    [
        (60, 3),
        pytest.param(
            400 * MANY_KILLS, MANY_KILLS, marks=[pytest.mark.long, pytest.mark.timeout(3600)]
        ),
    ],
)
def test_kills_lose_nothing_and_make_nothing_twice(tmp_path: Path, files: int, kills: int) -> None:
    """Of the importer, and of the server."""
    server = Server(tmp_path / "data", eager_presets="[]", workers=2)
    with contextlib.closing(server):
        server.start()
        import_with_kills(server, tmp_path, files, kills)

        assert images_of(server) == files
        assert len(server.blobs()) == files


def test_a_data_directory_without_a_server(tmp_path: Path, folder: Path) -> None:
    """Its next server has the images; while a server runs, the images go through it."""
    server = Server(tmp_path / "data", eager_presets="[]").start()
    save(folder / "a.png", 21)
    server.stop()
    offline = (*arguments(folder, "--data-dir", server.data_dir, "--collection", "{folder}"),)

    first = commands.run(*offline, directory=tmp_path, auth="off")
    refused = folder / "Bad" / "bad.png"
    refused.parent.mkdir()
    refused.write_bytes(TEXT)
    again = commands.run(*offline, directory=tmp_path, auth="off")
    refused.unlink()
    assert (first.returncode, first.stderr.splitlines()) == (
        0,
        ["1 file imported", "The next imagesvc serve makes the variants."],
    )
    assert again.stderr.splitlines()[-1] == "0 files imported, 1 there already, 1 failed"
    server.start()
    try:
        save(folder / "b.png", 22)
        online = commands.run(*offline, directory=tmp_path, auth="off")

        assert online.stderr == "1 file imported, 1 there already\n"
        data = server.client.get("/api/v1/images").json()["data"]
        (collection,) = server.client.get("/api/v1/collections").json()["data"]
        assert collection["title"] == "photos"
        assert len({image["collection_id"] for image in data}) == 1
        assert [image["filename"] for image in data] == ["b.png", "a.png"]
        for image in data:
            assert server.finished(image["job"]["id"])["status"] == "succeeded"
    finally:
        server.close()


def test_a_server_that_is_gone_ends_the_import(folder: Path) -> None:
    """There is one message, not a wait for each file; before the first file, the status is 2.

    With `--json`, each file has a line, also one that was not sent or cannot be read.
    """
    names = [save(folder / f"{seed}.png", seed) for seed in range(30, 60)]
    (folder / "lost.png").symlink_to("nowhere.png")
    with reserve_port() as reservation:
        url = f"http://127.0.0.1:{reservation.getsockname()[1]}"

        done = commands.run(*arguments(folder, "--json"), url=url)

    assert done.returncode == 2
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(one["file"], one["status"]) for one in results] == [
        *((str(name), "not_sent") for name in names),
        (f"{folder}/lost.png", "failed"),
    ]
    assert len(done.stderr.splitlines()) == 1
    assert "cannot be reached" in done.stderr


def start_through(proxy: CutProxy, folder: Path, *more: str) -> commands.Process:
    """An import that goes by way of a proxy; what it says is in the file `said`."""
    with NULL.open("r+b") as null, (folder.parent / "said").open("wb") as said:
        return commands.start(
            *arguments(folder, *more), directory=folder.parent, streams=(null, null, said),
            url=proxy.address,
        )  # fmt: skip


@pytest.mark.parametrize("fault", represented(["refuse", "cut"], "cut"))
def test_an_outage_is_waited_for(server: Server, folder: Path, tmp_path: Path, fault: str) -> None:
    """It is told once, and nothing is imported twice or left out."""
    files, tag = 40, f"outage-{fault}"
    for seed in range(files):
        save(folder / f"{seed}.png", 5000 + seed + 100 * len(fault))
    said = tmp_path / "said"
    with cut_proxy(server.port) as proxy:
        process = start_through(proxy, folder, "--tag", tag)
        until(lambda: len(of_tag(server, tag)) >= 4)
        proxy.refuse() if fault == "refuse" else proxy.cut_down_after(0)
        until(lambda: "Waiting for up to 120 s." in said.read_text() or process.poll() is not None)
        proxy.heal()
        status = process.wait(PATIENCE)

    assert status == 0, said.read_text()
    assert len(of_tag(server, tag)) == files
    waited, summary = said.read_text().splitlines()
    assert waited.endswith("Waiting for up to 120 s.")
    counts = [int(part.split()[0]) for part in summary.split(", ")]
    assert sum(counts) == files  # an upload whose answer was lost is there already


@pytest.mark.breadth
def test_an_outage_that_lasts_ends_the_import(server: Server, folder: Path, tmp_path: Path) -> None:
    """After the time of the option, with one message."""
    for seed in range(40):
        save(folder / f"{seed}.png", 5900 + seed)
    with cut_proxy(server.port) as proxy:
        process = start_through(proxy, folder, "--tag", "gone", "--retry-for", "1s")
        until(lambda: len(of_tag(server, "gone")) >= 4)
        proxy.refuse()
        status = process.wait(PATIENCE)

    assert status == 1
    waiting, error, summary, hint = (tmp_path / "said").read_text().splitlines()
    assert waiting.endswith("Waiting for up to 1 s.")
    assert "cannot be reached" in error
    assert "not sent" in summary
    assert hint == "The same command goes on where this one stopped."
