"""`imagesvc upload`: folders, progress, servers that disappear, and interruptions."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests import commands
from tests.http.asking import TEXT, picture
from tests.server import Server, reserve_port
from tests.waiting import PATIENCE, until

NULL = Path(os.devnull)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server without accounts that makes no variants in advance."""
    shared = Server(tmp_path_factory.mktemp("upload") / "data", eager_presets="[]").start()
    yield shared
    shared.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder."""
    path = tmp_path / "photos"
    path.mkdir()
    return path


def save(path: Path, seed: int = 0, kind: str = "PNG") -> Path:
    """A picture of one pixel; each seed makes other bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture(seed, (1 + seed // 256, 1 + seed % 256), kind))
    return path


def upload(server: Server, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run `imagesvc upload` against a server."""
    return commands.run("upload", *map(str, arguments), url=server.client.base_url)


def sent(done: subprocess.CompletedProcess[str], folder: Path) -> list[str]:
    """The files below a folder that were sent, in order, as `--json` prints them."""
    files = [json.loads(line)["file"] for line in done.stdout.splitlines()]
    return [str(Path(file).relative_to(folder)) for file in files]


def test_a_folder_is_sent_in_the_order_of_names(server: Server, folder: Path) -> None:
    """Subfolders are included.

    Hidden files and files that are not images are skipped and counted.
    """
    for number, name in enumerate(("b.png", "a/z.JPG", "a/no suffix", "c/d/e.webp", "a.png")):
        kind = {".JPG": "JPEG", ".webp": "WEBP"}.get(Path(name).suffix, "PNG")
        save(folder / name, number, kind)
    for name in (".hidden.png", ".thumbnails/t.png", "a/._z.JPG"):
        save(folder / name, 9)
    (folder / "notes.txt").write_bytes(TEXT)
    (folder / "empty").touch()
    (folder / "nothing").mkdir()
    os.mkfifo(folder / "pipe.png")

    done = upload(server, folder, "--json")

    assert (done.returncode, done.stderr) == (0, "5 files sent, 3 skipped (not images)\n")
    assert sent(done, folder) == ["a/no suffix", "a/z.JPG", "a.png", "b.png", "c/d/e.webp"]


def test_links_are_followed_once(server: Server, folder: Path) -> None:
    """A link to a parent folder does not cause a loop, and two names of a file make one image."""
    save(folder / "a" / "one.png", 10)
    elsewhere = save(folder.parent / "elsewhere" / "two.png", 11)
    (folder / "a" / "up").symlink_to("..")
    (folder / "again").symlink_to("a")
    (folder / "b.png").symlink_to("a/one.png")
    (folder / "far").symlink_to(elsewhere.parent)
    (folder / "self").symlink_to("self")
    (folder / "broken.png").symlink_to("gone")

    done = upload(server, folder, "--json")

    assert done.returncode == 1
    assert sent(done, folder) == ["a/one.png", "far/two.png", "broken.png", "self"]
    statuses = [json.loads(line)["status"] for line in done.stdout.splitlines()]
    assert statuses == ["sent", "sent", "failed", "failed"]
    assert done.stderr.splitlines() == [
        f"{folder}/broken.png: No such file or directory",
        f"{folder}/self: Too many levels of symbolic links",
        "2 files sent, 2 failed",
    ]


@pytest.mark.breadth
def test_deep_folders_and_strange_names(server: Server, folder: Path) -> None:
    """Folders deeper than Python's recursion limit, names not in UTF-8, and escape sequences."""
    deep = folder
    for _ in range(500):
        deep /= "d"
    save(deep / "deep.png", 12)
    save(folder / os.fsdecode(b"e-caf\xe9.png"), 13)
    (folder / "f-\x1b[31m\n.png").write_bytes(TEXT)

    done = upload(server, folder)

    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 2
    refused, summary = done.stderr.splitlines()
    assert refused.startswith(f"{folder}/f-\\x1b[31m\\n.png: ")
    assert summary == "2 files sent, 1 failed"


def test_a_servers_url_is_printed_without_escape_sequences(server: Server, folder: Path) -> None:
    """The server may differ from the one that its name suggests."""
    path = save(folder / "a.png", 14)
    image = json.loads(server.client.post("/images", content=path.read_bytes()).content)
    image["urls"]["original"] = "/\x1b]0;owned\x07\u202e"

    class Hostile(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            body = json.dumps(image).encode()
            self.send_response(201)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Hostile) as hostile:
        threading.Thread(target=hostile.serve_forever, daemon=True).start()
        done = commands.run(
            "upload", "--to", f"http://127.0.0.1:{hostile.server_port}", "--key", "k", str(path)
        )
        hostile.shutdown()

    assert done.returncode == 0, done.stderr
    assert r"/\x1b]0;owned\x07\u202e" in done.stdout


def test_a_named_file_is_sent_regardless_of_its_content(server: Server, folder: Path) -> None:
    """Only folders are filtered; a single file is reported without a summary."""
    hidden = save(folder / ".hidden.png", 14)
    text = folder / "notes.txt"
    text.write_bytes(TEXT)

    good, bad = upload(server, hidden), upload(server, text)

    assert (good.returncode, good.stderr) == (0, "")
    assert bad.returncode == 1
    assert bad.stderr.startswith(f"{text}: ")
    assert bad.stderr.count("\n") == 1


def test_an_empty_folder_is_not_an_error(server: Server, folder: Path) -> None:
    """A nightly job that empties a folder sometimes finds it empty."""
    done = upload(server, folder)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "0 files sent\n")


def test_the_same_upload_again_makes_no_second_image(server: Server, folder: Path) -> None:
    """After an interruption the same command sends the rest; a deleted image is made again."""
    files = [save(folder / f"{number}.png", 20 + number) for number in range(3)]
    first = upload(server, *files[:2])
    second = upload(server, folder, "--json")
    ids = [json.loads(line)["id"] for line in second.stdout.splitlines()]
    assert server.client.delete(f"/api/v1/images/{ids[0]}").status_code == 204

    third = upload(server, folder, "--json")
    fourth = upload(server, folder, "--json")
    titled = upload(server, files[1], "--title", "Other")

    again = [json.loads(line)["id"] for line in third.stdout.splitlines()]
    assert [line.split()[0] for line in first.stdout.splitlines()] == ids[:2]
    assert second.stderr == "1 file sent, 2 there already\n"
    assert third.stderr == "1 file sent, 2 there already\n"
    assert fourth.stderr == "0 files sent, 3 there already\n"
    assert fourth.stdout == third.stdout.replace('"sent"', '"there"')
    assert again[0] != ids[0]
    assert again[1:] == ids[1:]
    assert server.client.get(f"/api/v1/images/{again[0]}").status_code == 200
    assert titled.stdout.split()[0] not in ids


def test_an_unreachable_server_ends_the_command(folder: Path) -> None:
    """Each further file would wait for the same connection attempts."""
    for number in range(40):
        save(folder / f"{number:02}.png", number)
    with reserve_port() as reservation:
        url = f"http://127.0.0.1:{reservation.getsockname()[1]}"
        done = commands.run("upload", str(folder), url=url)

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == f"imagesvc: {url} cannot be reached: Connection refused\n"


@pytest.mark.parametrize("options", [("--key", "isk_wrong"), ()])
def test_a_key_that_is_refused_ends_the_command(
    guarded: Server, folder: Path, options: tuple[str, ...]
) -> None:
    """Each further file would be refused after all of its bytes were sent."""
    for number in range(3):
        save(folder / f"{number}.png", number)

    done = commands.run(
        "upload", str(folder), *options, "--to", f"http://localhost:{guarded.port}",
        "--data-dir", str(folder.parent / "none"),
    )  # fmt: skip

    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("imagesvc: ")
    assert "Set --key or IMAGESVC_KEY" in line


def test_images_can_be_uploaded_for_a_while(server: Server, folder: Path) -> None:
    """The option takes durations like settings; others are an error of the command."""
    save(folder / "a.png", 1)

    done = upload(server, "--json", "--expires-in", "7d", str(folder))
    wrong = upload(server, "--expires-in", "soon", str(folder))

    image = json.loads(done.stdout.splitlines()[0])
    shown = server.client.get(f"/api/v1/images/{image['id']}").json()
    expires_at, created_at = (
        datetime.fromisoformat(shown[name]) for name in ("expires_at", "created_at")
    )
    week = timedelta(days=7)
    assert week - timedelta(hours=1) < expires_at - created_at <= week
    assert (wrong.returncode, "duration" in wrong.stderr) == (2, True)


@pytest.mark.breadth
def test_private_images_are_announced_as_such(tmp_path: Path, folder: Path) -> None:
    """A printed URL that other users cannot open looks like a failed upload."""
    save(folder / "a.png", 1)
    guarded = Server(tmp_path / "data", auth="required", default_visibility="auto")
    try:
        guarded.start()
        private, unlisted, chosen = (
            commands.run("upload", str(folder), *options, data_dir=guarded.data_dir)
            for options in ((), ("--visibility", "unlisted"), ("--visibility", "private"))
        )
        statuses = [
            guarded.client.get(f"/images/{done.stdout.split()[0]}").status_code
            for done in (private, unlisted, chosen)
        ]
    finally:
        guarded.close()

    assert "--visibility unlisted" in private.stderr
    assert (unlisted.stderr, chosen.stderr) == ("1 file sent\n", "1 file sent\n")
    assert statuses == [404, 200, 404]


@pytest.mark.breadth
def test_rates_slow_an_upload_down_and_fail_no_file(tmp_path: Path, folder: Path) -> None:
    """The response says when the next request is accepted."""
    limited = Server(tmp_path / "data", rate_limits="on", rate_limit_anonymous="1/s burst 1")
    limited.settings |= {"rate_limit": "1/s burst 1", "eager_presets": "[]"}
    for number in range(3):
        save(folder / f"{number}.png", number)
    try:
        limited.start("/healthz")
        done = upload(limited, folder)
    finally:
        limited.close()

    assert (done.returncode, done.stderr) == (0, "3 files sent\n")


class Running:
    """A running `imagesvc upload`; its standard error is a file, or a terminal."""

    def __init__(self, server: Server, place: Path, *arguments: object) -> None:
        self.out, self.err = place / "out", place / "err"
        with self.out.open("wb") as out, self.err.open("wb") as err, NULL.open("rb") as nothing:
            self.process = commands.start(
                "upload", *map(str, arguments), directory=place, streams=(nothing, out, err),
                url=server.client.base_url,
            )  # fmt: skip

    def has_printed(self, lines: int) -> bool:
        """Whether this many files were sent."""
        return self.out.read_text().count("\n") == lines

    def interrupted(self) -> int | None:
        """Send SIGINT; the exit status, or None if it does not end soon.

        A signal that comes just before a read that waits is noticed only when that ends.
        """
        self.process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.process.wait(5)
        return None


def test_an_interrupted_upload_reports_what_was_sent(
    server: Server, folder: Path, tmp_path: Path
) -> None:
    """It prints one line, with the exit status of SIGINT and without a traceback.

    With `--json`, each file has a line, also one that was not sent.
    """
    names = [save(folder / "a.png", 30), folder / "pipe", save(folder / "b.png", 31)]
    os.mkfifo(names[1])  # reading it waits for a writer
    running = Running(server, tmp_path, "--json", *names)
    writer = until(lambda: writer_of(names[1]))

    assert until(running.interrupted) == 130
    os.close(writer)
    assert running.err.read_text().splitlines() == [
        f"interrupted during {names[1]}",
        "1 file sent, 2 not sent",
    ]
    results = [json.loads(line) for line in running.out.read_text().splitlines()]
    assert [(one["file"], one["status"], one["id"] is None) for one in results] == [
        (str(names[0]), "sent", False),
        (str(names[1]), "not_sent", True),
        (str(names[2]), "not_sent", True),
    ]


def writer_of(pipe: Path) -> int | None:
    """The descriptor of a writer of a pipe; None while no process reads it."""
    try:
        return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None


@pytest.mark.breadth
def test_a_server_that_is_killed_meanwhile_ends_the_command(tmp_path: Path, folder: Path) -> None:
    """Files that were sent before are counted."""
    server = Server(tmp_path / "data", eager_presets="[]").start()
    after = [save(folder / f"{number}.png", number) for number in range(3)]
    names = [save(folder / "a.png", 30), folder / "pipe", *after]
    os.mkfifo(names[1])
    running = Running(server, tmp_path, *names)
    try:
        until(lambda: running.has_printed(1))
        server.kill()
        names[1].write_bytes(picture(32))
        status = running.process.wait(PATIENCE)
    finally:
        server.close()

    assert status == 1
    lines = running.err.read_text().splitlines()
    assert len(lines) == 2
    assert f"{server.client.base_url}".rstrip("/") + " cannot be reached: " in lines[0]
    assert lines[1] == "1 file sent, 1 failed, 3 not sent"


@pytest.mark.breadth
def test_a_terminal_shows_one_bar_and_a_file_gets_the_lines(
    server: Server, folder: Path, tmp_path: Path
) -> None:
    """Standard output is often a file while standard error is a terminal."""
    for number in range(3):
        save(folder / f"{number}.png", 40 + number)
    ours, theirs = pty.openpty()
    environment = commands.environment(url=server.client.base_url) | {
        "TERM": "xterm", "COLUMNS": "120",
    }  # fmt: skip
    shown: list[bytes] = []
    reader = threading.Thread(target=_read_all, args=(ours, shown))
    with (tmp_path / "out").open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "imagesvc", "upload", str(folder), "--json"],
            env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=theirs,
        )  # fmt: skip
    os.close(theirs)
    reader.start()
    status = process.wait(PATIENCE)
    reader.join(PATIENCE)

    lines = (tmp_path / "out").read_text().splitlines()
    terminal = b"".join(shown).decode()
    assert status == 0
    assert [Path(json.loads(line)["file"]).name for line in lines] == ["0.png", "1.png", "2.png"]
    assert "3/3 files" in terminal
    assert "3 files sent" in terminal
    assert "http" not in terminal


def _read_all(fd: int, pieces: list[bytes]) -> None:
    """Read a terminal to its end, which Linux reports as an error."""
    try:
        while piece := os.read(fd, 4096):
            pieces.append(piece)
    except OSError:
        pass
    os.close(fd)
