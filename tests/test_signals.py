"""Signals and addresses of a server, and interrupted commands."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from imagesvc.server.listening.addresses import CannotListen, bound_sockets
from tests import commands
from tests.breadth import represented
from tests.conftest import MakeServer
from tests.http.asking import picture
from tests.server import request_once
from tests.waiting import PATIENCE, until

STOPS = (signal.SIGHUP, signal.SIGQUIT, signal.SIGINT)


@pytest.mark.parametrize("number", represented(STOPS, signal.SIGINT))
def test_a_server_stops_in_good_order(make_server: MakeServer, number: signal.Signals) -> None:
    """A closed terminal and nginx's signal are not crashes; the exit status is 0."""
    server = make_server(workers=1)
    image = server.upload(picture(1))

    assert server.process is not None
    server.process.send_signal(number)

    assert server.process.wait(PATIENCE) == 0
    assert "service.stopped" in server.log()
    assert "Traceback" not in server.log()
    server.start()
    assert server.finished(image["job"]["id"])["status"] == "succeeded"


def test_signals_of_log_rotation_do_nothing(make_server: MakeServer) -> None:
    """By default they would end the process."""
    server = make_server(workers=1)

    assert server.process is not None
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        server.process.send_signal(number)

    assert server.client.get("/readyz").status_code == 200
    assert server.process.poll() is None


@pytest.mark.parametrize(
    "sign", represented(("secret.key", "imagesvc.db", "admin.key"), "imagesvc.db")
)
@pytest.mark.parametrize("number", represented((signal.SIGINT, signal.SIGTERM), signal.SIGTERM))
def test_a_start_that_is_interrupted_leaves_no_traceback(
    tmp_path: Path, sign: str, number: signal.Signals
) -> None:
    """No worker is left either."""
    data_dir, log = tmp_path / "data", tmp_path / "log"
    with log.open("wb") as stream, Path(os.devnull).open("rb") as nothing:
        process = commands.start(
            "serve", "--port", "0", "--workers", "1", "--data-dir", str(data_dir),
            directory=tmp_path, streams=(nothing, stream, stream),
        )  # fmt: skip
    until(lambda: (data_dir / sign).exists() or process.poll() is not None)

    process.send_signal(number)
    process.wait(PATIENCE)

    assert "Traceback" not in log.read_text()
    until(lambda: not workers_of(process.pid))


def workers_of(pid: int) -> list[str]:
    """The child processes of a process."""
    with contextlib.suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return []


def test_a_command_that_is_interrupted_while_it_loads_leaves_no_traceback(tmp_path: Path) -> None:
    """Users often interrupt during the second of imports."""
    code = (
        "import builtins, os, signal, sys\n"
        "real = builtins.__import__\n"
        "def interrupted(name, *rest):\n"
        "    if name == 'imagesvc.cli.main':\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "    return real(name, *rest)\n"
        "import imagesvc.__main__\n"
        "builtins.__import__ = interrupted\n"
        "sys.argv = ['imagesvc', 'config']\n"
        "imagesvc.__main__.main()\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path
    )

    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def has_ipv6() -> bool:
    """Whether this machine has the IPv6 loopback address."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.parametrize("host", represented(("127.0.0.1, ::1", "::"), "::"))
def test_a_server_listens_on_several_addresses(make_server: MakeServer, host: str) -> None:
    """`::` is every address, of both families."""
    if not has_ipv6():
        pytest.skip("this machine has no IPv6")
    server = make_server(workers=1, host=host, auth="required")

    for address in ("127.0.0.1", "[::1]"):
        answer = request_once("GET", f"http://{address}:{server.port}/healthz")
        assert answer.status_code == 200
    (line,) = [line for line in server.log().splitlines() if "service.ready" in line]
    assert str(server.port) in json.loads(line)["url"]
    assert "uvicorn" not in server.log()


def test_all_addresses_have_one_port_also_when_it_is_a_free_one() -> None:
    """One URL must work for all; an error names the address."""
    sockets = bound_sockets(["127.0.0.1", "127.0.0.2"], 0)
    try:
        addresses = [opened.getsockname() for opened in sockets]
        assert [address[0] for address in addresses] == ["127.0.0.1", "127.0.0.2"]
        assert addresses[0][1] == addresses[1][1] != 0
        sockets[1].listen()
        with pytest.raises(CannotListen, match=r"127\.0\.0\.2, port .*: address already in use"):
            bound_sockets(["127.0.0.3", "127.0.0.2"], addresses[0][1])
    finally:
        for opened in sockets:
            opened.close()


def test_each_address_that_was_named_must_be_this_machines() -> None:
    """Otherwise a service could start that is unreachable at one of its addresses."""
    with pytest.raises(CannotListen, match=r"listen on 192\.0\.2\.9, port 0: .* no such address"):
        bound_sockets(["127.0.0.1", "192.0.2.9"], 0)
