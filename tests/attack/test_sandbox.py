"""Code that runs in a worker: the results of its attempts without and with the sandbox."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from imagesvc.errors import WorkerDied
from imagesvc.workers.process import KEPT_VARIABLES
from imagesvc.workers.sandbox import syscalls
from imagesvc.workers.sandbox.lock import LAYERS
from imagesvc.workers.sandbox.policy import Mode
from tests.attack.attempts import ATTEMPTS, PRELUDE, script
from tests.attack.machine import needs_every_layer, processes_are_guarded
from tests.attack.pools import ROGUE, execute, rogue_pool
from tests.breadth import represented

MACHINE = os.uname().machine
WORKERS = "tests.attack.workers"
KEYCTL = {"x86_64": 250, "aarch64": 219}
WORST = {
    "read the secret key",
    "read the database",
    "read another user's original",
    "read the server's environment",
    "read the server's memory",
    "write the database",
    "connect over TCP",
    "fork",
}
FATAL = ("ptrace", "io_uring_setup", "bpf")
BREADTH = pytest.mark.breadth
FILES = {name for name in ATTEMPTS if name.startswith(("read", "list", "open the server", "write"))}

pytestmark = [
    pytest.mark.anyio,
    needs_every_layer,
]


@pytest.fixture
def names(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """A data directory that every user may read, a listening server, and numbers of calls."""
    data = tmp_path / "data"
    (data / "blobs").mkdir(parents=True)
    for name in ("secret.key", "imagesvc.db", "blobs/original", "removable", "renamable"):
        (data / name).write_bytes(b"secret")
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield {
            "data": str(data),
            "port": server.getsockname()[1],
            "clone": syscalls.number("clone", MACHINE),
            "keyctl": KEYCTL[MACHINE],
        }


async def tried(folder: Path, names: dict[str, Any], mode: Mode, module: str) -> dict[str, str]:
    """The result of each attempt in a worker."""
    async with rogue_pool(folder, mode, module) as pool:
        found: dict[str, str] = await execute(pool, script(**names))
        return found


async def test_without_a_sandbox_the_attempts_succeed(
    tmp_path: Path, names: dict[str, Any]
) -> None:
    """An attacker would make them, and limits alone do not stop the worst."""
    found = await tried(tmp_path, names, "off", ROGUE)

    guarded = {"read the server's memory"} if processes_are_guarded() else set()
    assert {name for name, how in found.items() if how == "leaked"} >= WORST - guarded


@pytest.mark.parametrize("mode", represented(("auto", "strict"), "auto"))
@pytest.mark.parametrize("module", represented([ROGUE, f"{WORKERS}.nobody"], ROGUE))
async def test_every_attempt_is_refused(
    tmp_path: Path, names: dict[str, Any], mode: Mode, module: str
) -> None:
    """This holds for a worker of root and for one of a user without privileges."""
    found = await tried(tmp_path, names, mode, module)

    assert found.keys() == ATTEMPTS.keys()
    assert {name: how for name, how in found.items() if how not in {"EPERM", "EACCES"}} == {}
    assert (tmp_path / "data" / "imagesvc.db").read_bytes() == b"secret"


@pytest.mark.parametrize(
    "calls",
    [FATAL, pytest.param(tuple(it for it in syscalls.FATAL if it not in FATAL), marks=BREADTH)],
    ids=["some", "others"],
)
async def test_calls_of_attackers_end_the_worker(tmp_path: Path, calls: tuple[str, ...]) -> None:
    """Each is killed immediately by SIGSYS, and the next call has another worker."""
    async with rogue_pool(tmp_path, "strict") as pool:
        for name in calls:
            number = syscalls.number(name, MACHINE)
            with pytest.raises(WorkerDied, match="SIGSYS"):
                await execute(pool, f"{PRELUDE}libc.syscall({number}, 0, 0, 0, 0, 0)")
        assert await execute(pool, "result = 'alive'") == "alive"


async def test_executing_a_program_ends_the_worker(tmp_path: Path) -> None:
    """The arguments are valid; starting a child process fails before."""
    async with rogue_pool(tmp_path, "strict") as pool:
        with pytest.raises(WorkerDied, match="SIGSYS"):
            await execute(pool, "import os, sys; os.execv(sys.executable, ['python'])")
        spawn = "attempt(lambda: os.posix_spawn(sys.executable, ['python'], {}))"
        assert await execute(pool, f"{PRELUDE}result = {spawn}") == "EPERM"


async def test_threads_can_be_started_and_cannot_more(tmp_path: Path) -> None:
    """Decoders use threads; the filter also applies to them."""
    code = """
import threading
found = []
thread = threading.Thread(target=lambda: found.append(attempt(lambda: os.open("/", 0))))
thread.start()
thread.join()
result = found
"""
    async with rogue_pool(tmp_path, "strict") as pool:
        assert await execute(pool, PRELUDE + code) == ["EPERM"]


async def test_a_worker_has_no_descriptor_and_no_variable_of_the_server(tmp_path: Path) -> None:
    """It has three streams to /dev/null, its channel, its own statistics, and what Python needs."""
    code = """
def is_open(fd):
    return attempt(lambda: fcntl.fcntl(fd, fcntl.F_GETFD)) == "leaked"
result = sum(map(is_open, range(1024))), sorted(os.environ)
"""
    assert "PATH" in os.environ
    original = tmp_path / "original"
    original.write_bytes(b"as it is")
    async with rogue_pool(tmp_path, "strict") as pool:
        for _ in range(3):  # what a call is sent goes with it
            await execute(pool, "files.spill(bytes(files.data))", source=original, max_files=1)
        count, variables = await execute(pool, PRELUDE + code)

    ours = {"VIPS_CONCURRENCY", "VIPS_DISC_THRESHOLD", "LC_CTYPE"}
    others = {name for name in variables if not name.startswith("MALLOC_")}
    assert count == 5
    assert others - ours <= set(KEPT_VARIABLES)


@pytest.mark.parametrize("layer", ["seccomp", "landlock"])
async def test_without_one_layer_the_others_are_active(
    tmp_path: Path, names: dict[str, Any], layer: str
) -> None:
    """A container may forbid a layer.

    Files stay inaccessible, and the log names the missing layer.
    """
    async with rogue_pool(tmp_path, "auto", f"{WORKERS}.without_{layer}") as pool:
        found = await execute(pool, script(**names))

        assert f"no {layer} (Operation not permitted)" in pool.sandbox.faults
        assert not pool.sandbox.is_whole
    assert {name: how for name, how in found.items() if name in FILES and how == "leaked"} == {}


@pytest.mark.parametrize("layer", ["seccomp", "landlock"])
async def test_strict_does_not_start_without_a_layer(tmp_path: Path, layer: str) -> None:
    """The error names the layer and the reason."""
    with pytest.raises(WorkerDied, match=rf"strict.*no {layer} \(Operation not permitted\)"):
        async with rogue_pool(tmp_path, "strict", f"{WORKERS}.without_{layer}"):
            pass


async def test_a_filter_that_kills_workers_is_left_out(tmp_path: Path) -> None:
    """After a library changes, the service still starts, and the log names the missing layer."""
    async with rogue_pool(tmp_path, "auto", f"{WORKERS}.broken") as pool:
        assert await execute(pool, "result = 1") == 1

        assert pool.sandbox.layers == tuple(LAYERS)[:-1]
        assert "SIGABRT" in pool.sandbox.faults


async def test_strict_does_not_start_with_a_filter_that_kills(tmp_path: Path) -> None:
    """The reason is the exit reason of the worker."""
    with pytest.raises(WorkerDied, match="SIGABRT"):
        async with rogue_pool(tmp_path, "strict", f"{WORKERS}.broken"):
            pass
