"""The command line: its output, and the exit statuses for scripts."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import signal
import subprocess
import sys
import tomllib
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import typer

from imagesvc.cli.main import cli
from imagesvc.server.listening.addresses import local_url
from imagesvc.settings.settings import Settings
from tests import commands
from tests.conftest import MakeServer
from tests.http.asking import picture
from tests.server import Server, request_once, reserve_port
from tests.waiting import PATIENCE, until


def run(place: Path, *arguments: str, **variables: Any) -> subprocess.CompletedProcess[str]:
    """Run `imagesvc` in a directory, with these IMAGESVC_* variables and no others."""
    return commands.run(*arguments, directory=place, **variables)


def test_config_prints_every_setting_in_force(tmp_path: Path) -> None:
    """It prints one line for each setting of all sources, for values of any length."""
    presets = "{" + ", ".join(f'"p{number}": "w={number + 1}"' for number in range(40)) + "}"
    (tmp_path / "imagesvc.toml").write_text("max_frames = 7\n")

    done = run(tmp_path, "config", port="9001", presets=presets, eager_presets='["p3"]')

    printed = tomllib.loads(done.stdout)
    named = [line.removeprefix("# ").split()[0] for line in done.stdout.splitlines()]
    unset = [name for name, field in Settings.model_fields.items() if field.default is None]
    assert done.returncode == 0
    assert named == list(Settings.model_fields)
    assert set(named) - set(printed) == set(unset)
    assert (printed["port"], printed["max_frames"]) == (9001, 7)
    assert printed["presets"]["p39"] == "w=40"


def test_the_output_of_config_is_an_imagesvc_toml(tmp_path: Path) -> None:
    """`imagesvc config > imagesvc.toml` saves the current settings."""
    presets = '{"blurred": false, "card": "w=1"}'
    before = run(
        tmp_path, "config", max_upload_size="3MiB", data_dir='da"ta [x]', presets=presets
    ).stdout

    (tmp_path / "imagesvc.toml").write_text(before)

    assert run(tmp_path, "config").stdout == before
    assert "blurred = false" in before or '"blurred" = false' in before


def test_config_accepts_settings_and_prints_units(tmp_path: Path) -> None:
    """Units are those of the documentation.

    A value that is no whole number of a unit is a number.
    """
    done = run(
        tmp_path, "config", "--set", "max_frames=9", "--set", "body_timeout=1.25s",
        max_upload_size="1500000", job_timeout="1500ms", quota_bytes="1GiB",
    )  # fmt: skip

    lines = done.stdout.splitlines()
    assert {
        "max_frames = 9", 'body_timeout = "1250ms"', "max_upload_size = 1500000",
        'job_timeout = "1500ms"', 'quota_bytes = "1GiB"', 'memory_cache_size = "256MiB"',
        'event_retention = "7d"', 'max_age = "365d"', 'idempotency_key_lifetime = "24h"',
        'access_token_lifetime = "15m"', 'transform_timeout = "30s"', 'max_pixels = "100MP"',
        "stale_while_revalidate = 0.0", "# admin_key_file is not set",
    } <= set(lines)  # fmt: skip


@pytest.mark.parametrize("command", ["serve", "config", "check", "gc"])
def test_settings_that_are_wrong_end_every_command_with_2(tmp_path: Path, command: str) -> None:
    """All of them are listed, and no file is changed."""
    done = run(tmp_path, command, workers="0", job_timeout="soon", foo="1")

    assert done.returncode == 2
    assert done.stdout == ""
    for word in ("workers: ", "job_timeout: ", "IMAGESVC_FOO: "):
        assert word in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_presets_that_are_no_transforms_end_serve_with_2(tmp_path: Path) -> None:
    """Each invalid preset is named with its error, before any file is made."""
    done = run(tmp_path, "serve", presets='{"thumbnail": "w=0", "preview": "x=1", "ok": "w=1"}')

    assert done.returncode == 2
    assert "presets.thumbnail: w must be a whole number" in done.stderr
    assert "presets.preview: x is not a transform key" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_listening_beyond_loopback_without_accounts_ends_serve_with_2(tmp_path: Path) -> None:
    """The error names the setting to change."""
    done = run(tmp_path, "serve", "--host", "0.0.0.0", auth="off")

    assert done.returncode == 2
    assert "IMAGESVC_AUTH=required" in done.stderr


def test_a_data_directory_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    """A file in its place, or an unmounted disk, is not reported as a traceback."""
    (tmp_path / "data").write_text("I was here first.")

    done = run(tmp_path, "serve")

    assert done.returncode == 2
    assert done.stderr == f"imagesvc: {tmp_path / 'data'}: Not a directory\n"


@pytest.mark.parametrize("name", ["", "blobs", "variants", "tmp"])
@pytest.mark.parametrize("command", ["serve", "check"])
def test_a_broken_link_is_reported(tmp_path: Path, command: str, name: str) -> None:
    """For an unmounted disk, the message "File exists" would be misleading."""
    place = tmp_path / "data"
    if name:
        place.mkdir()
        (place / "secret.key").write_text("0" * 64)
    (place / name).symlink_to("/mnt/not-mounted")

    done = run(tmp_path, command, "--data-dir", str(place))

    assert done.returncode == 2
    assert done.stderr.startswith(f"imagesvc: {place / name} is a link that leads nowhere")
    assert "/mnt/not-mounted" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (("backup", "PLACE", "--keep", "x"), "--keep x: must be a duration"),
        (("backup", "PLACE", "--keep", "9999999d"), "--keep 9999999d: is longer than 36,500 days"),
        (("source", "add", ".", "--interval", "x"), "--interval x: must be a duration"),
    ],
)
def test_durations_that_are_none_name_their_option(
    tmp_path: Path, command: tuple[str, ...], error: str
) -> None:
    """A command may have several."""
    done = commands.run(*command, directory=tmp_path)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"imagesvc: {error}")


def test_a_port_in_use_ends_serve_with_an_error(server: Server, tmp_path: Path) -> None:
    """A supervisor must detect that it does not run."""
    done = run(tmp_path, "serve", "--port", str(server.port), "--data-dir", "other", workers="1")

    assert done.returncode not in {0, 2}
    assert "address already in use" in done.stderr
    assert "--port" in done.stderr


def test_a_port_in_use_leaves_the_first_key_to_a_later_start(
    server: Server, tmp_path: Path
) -> None:
    """A start that cannot listen makes no admin, whose key it would not print."""
    port, data_dir = server.port, tmp_path / "other"

    run(tmp_path, "serve", "--port", str(port), "--data-dir", str(data_dir), workers="1")

    assert data_dir.is_dir()
    assert not (data_dir / "admin.key").exists()


def test_a_host_without_an_address_is_named(tmp_path: Path) -> None:
    """The error says which setting to change."""
    done = run(tmp_path, "serve", "--host", "no-such-host.invalid", "--port", "0", workers="1")

    assert done.returncode not in {0, 2}
    assert "cannot listen on no-such-host.invalid" in done.stderr
    assert "--host" in done.stderr


def test_a_second_server_on_the_same_data_is_refused(server: Server, tmp_path: Path) -> None:
    """It would delete the unfinished uploads of the first, and queue its running jobs again."""
    done = run(tmp_path, "serve", "--port", "0", "--data-dir", str(server.data_dir), workers="1")

    assert done.returncode != 0
    assert "Another server" in done.stderr
    assert "Traceback" not in done.stderr
    server.upload(picture(1))


def test_the_exit_status_of_check_distinguishes_intact_from_damaged(
    make_server: MakeServer,
) -> None:
    """The exit statuses 0 and 1 are for cron."""
    server = make_server(workers=1)
    image = server.upload(picture(2))

    sound = server.cli("check")
    (blob,) = (server.data_dir / "blobs").rglob(image["sha256"])
    blob.chmod(0o600)
    blob.write_bytes(b"rust")
    damaged = server.cli("check")

    assert (sound.returncode, damaged.returncode) == (0, 1)
    assert "1 blobs verified" in sound.stdout
    assert f"damaged: {blob} (original of image {image['id']} " in damaged.stdout


def test_gc_lists_orphans_on_a_dry_run_and_removes_them(make_server: MakeServer) -> None:
    """A dry run comes first; both work with a running server, too."""
    server = make_server(workers=1)
    kept = server.upload(picture(3))
    orphan = server.data_dir / "blobs" / "ab" / "cd" / f"abcd{'0' * 60}"
    orphan.parent.mkdir(parents=True, exist_ok=True)
    orphan.write_bytes(b"left by a crash")

    dry = server.cli("gc", "--dry-run", "--grace", "0")
    assert orphan.exists()
    wet = server.cli("gc", "--grace", "0")

    assert (dry.returncode, wet.returncode) == (0, 0)
    assert "1 blobs (15 bytes)" in dry.stdout
    assert "1 blobs (15 bytes)" in wet.stdout
    assert server.blobs() == {kept["sha256"]}


def test_no_command_prints_the_help(tmp_path: Path) -> None:
    """A user who types only the name expects help."""
    done = run(tmp_path)

    for command in ("serve", "config", "check", "gc", "user", "key"):
        assert command in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::", "http://[::1]:8000"),
        ("::1", "http://[::1]:8000"),
        ("192.0.2.1", "http://192.0.2.1:8000"),
    ],
)
def test_the_announced_url_is_one_that_this_machine_reaches(host: str, url: str) -> None:
    """The first start prints it in a command, and other commands connect to it."""
    assert local_url(host, 8000) == url


def test_the_options_of_a_service_have_the_same_names_everywhere() -> None:
    """The variables of all commands are the same, and so is what they stand for."""
    names = {"IMAGESVC_URL": ["--to", "--url"], "IMAGESVC_KEY": ["--key"]}
    waiting, found = [typer.main.get_command(cli)], Counter[str]()
    while waiting:
        command = waiting.pop()
        waiting += getattr(command, "commands", {}).values()
        for option in command.params:
            variable = str(getattr(option, "envvar", None))
            if variable in names:
                assert option.opts == names[variable], command.name
                found[variable] += 1

    assert min(found[variable] for variable in names) > 6


HEAVY = {"jwt", "cryptography", "argon2", "httpx2", "alembic"}
LOADED_AT_THE_START = f"""
import runpy, sys
import imagesvc.cli.main
print(*sorted({HEAVY} & set(sys.modules)))
sys.argv = ["imagesvc", "--version"]
runpy.run_module("imagesvc", run_name="__main__")
"""


def test_a_start_loads_nothing_that_few_need(tmp_path: Path) -> None:
    """Cryptography and similar libraries take longer than all modules of the service.

    The version that is printed is that of the package: reports of bugs include it.
    """
    done = subprocess.run(
        [sys.executable, "-c", LOADED_AT_THE_START],
        capture_output=True, text=True, check=True, cwd=tmp_path,
    )  # fmt: skip

    loaded, printed = done.stdout.splitlines()
    assert (loaded, printed) == ("", version("imagesvc"))


def test_a_service_that_cannot_be_reached_is_named(tmp_path: Path) -> None:
    """The error has the URL, but not the number of the error."""
    (tmp_path / "a.jpg").write_bytes(picture())
    with reserve_port() as reservation:
        url = f"http://127.0.0.1:{reservation.getsockname()[1]}"
        by_flag = run(tmp_path, "upload", "a.jpg", "--to", url, key="isk_x")
        by_variable = run(tmp_path, "upload", "a.jpg", url=url, key="isk_x")

    for done in (by_flag, by_variable):
        assert done.returncode == 2
        assert done.stderr == f"imagesvc: {url} cannot be reached: Connection refused\n"


@pytest.mark.parametrize("arguments", [("-h",), ("serve", "-h"), ("user", "add", "-h")])
def test_the_short_form_of_help(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Many users try it first."""
    done = run(tmp_path, *arguments)

    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage" in done.stdout


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("max_frames=many", "max_frames: "),
        ("speed=9", "--set speed: there is no such setting"),
        ("max_frames", "--set max_frames: name a setting"),
        ('presets={"card": "w=0"}', "presets.card: w must be"),
    ],
)
def test_any_setting_may_be_a_flag(tmp_path: Path, given: str, said: str) -> None:
    """The value is written and checked as in a variable."""
    done = run(tmp_path, "serve", "--set", given)

    assert done.returncode == 2
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("presets", '{"card": "w=0"}', "presets.card: w must be"),
        (
            "watermarks",
            '{"logo": {"image": "none.png"}}',
            "watermarks.logo.image: none.png: No such",
        ),
    ],
)
def test_config_finds_settings_with_which_serve_cannot_start(
    tmp_path: Path, name: str, value: str, said: str
) -> None:
    """Operators run it before a restart."""
    done = run(tmp_path, "config", **{name: value})

    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_a_terminal_is_told_what_to_open(tmp_path: Path) -> None:
    """One plain line, beside the log."""
    ours, theirs = pty.openpty()
    with Path(os.devnull).open("r+b") as null, os.fdopen(theirs, "wb", buffering=0) as terminal:
        process = commands.start(
            "serve", "--auth", "off", "--port", "0",
            directory=tmp_path, streams=(null, null, terminal), workers=1,
        )  # fmt: skip
    os.set_blocking(ours, False)
    shown = bytearray()
    try:
        url = until(lambda: _address_in(ours, shown))
        assert request_once("GET", f"{url}/healthz").status_code == 200
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)
        os.close(ours)


def _address_in(terminal: int, shown: bytearray) -> str:
    """The address to open in what a terminal has shown; empty until it is there."""
    with contextlib.suppress(BlockingIOError):
        shown += os.read(terminal, 4096)
    found = re.findall(r"^Open (\S+)\s*$", shown.decode(errors="replace"), re.MULTILINE)
    return found[0] if found else ""


ENDS_DURING_A_CALLBACK = """
import asyncio, time
import imagesvc.__main__, imagesvc.cli.main
from obstore.store import MemoryStore

class Loop(asyncio.SelectorEventLoop):
    def _write_to_self(self):  # called by a thread of the library
        super()._write_to_self()
        while True:  # it waits for the interpreter, again and again
            time.sleep(0.001)

def run():
    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(use())
    print("done")
    return 5

async def use():
    await MemoryStore().put_async("name", b"content")

imagesvc.cli.main.run = run
imagesvc.__main__.main()
"""


def test_a_command_that_used_a_bucket_ends_with_its_status() -> None:
    """Threads of the library that have not ended yet do not abort the process."""
    done = subprocess.run(
        [sys.executable, "-c", ENDS_DURING_A_CALLBACK],
        check=False, capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip

    assert (done.returncode, done.stdout) == (5, "done\n"), done.stderr
