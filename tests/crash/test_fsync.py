"""The data on disk before an upload is answered, as the kernel saw it (invariant 1)."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import MakeServer
from tests.crash.pictures import jpeg
from tests.server import Server
from tests.waiting import until

CALLS = (
    "fsync,fdatasync,rename,renameat,renameat2,mkdir,mkdirat,unlink,unlinkat,write,writev,"
    "sendto,sendmsg"
)
ANSWER = r"(?m)HTTP/1\.1 20[14].* = \d+$"
WAL_ON_DISK = r"^f(data)?sync\(\d+<.*imagesvc\.db-wal>\) += 0"


@dataclass(frozen=True, slots=True)
class Traced:
    """The system calls of a server, in the order in which they ended."""

    calls: list[str]

    def index(self, pattern: str, after: int = -1) -> int:
        """The first call that matches, after another one."""
        for number, call in enumerate(self.calls):
            if number > after and re.search(pattern, call):
                return number
        raise AssertionError(f"no {pattern} after call {after} of:\n" + "\n".join(self.calls))


def parse(text: str) -> list[str]:
    """Join calls that strace shows in two lines because threads overlapped."""
    begun: dict[str, str] = {}
    calls = []
    for line in text.splitlines():
        thread, call = line.split(maxsplit=1)
        if call.endswith("<unfinished ...>"):
            begun[thread] = call.removesuffix("<unfinished ...>").rstrip()
        elif call.startswith("<..."):
            calls.append(begun.pop(thread, "") + call.split("resumed>", 1)[1])
        else:
            calls.append(call)
    return calls


def test_a_call_in_two_lines_is_as_one_in_one_line() -> None:
    """Overlapping threads must not affect the tests below."""
    text = """\
7 fsync(25</data/tmp/891f> <unfinished ...>
8 write(11<anon_inode:[eventfd]>, "\\1\\0"..., 8) = 8
7 <... fsync resumed>)              = 0
"""
    eventfd, fsync = parse(text)

    assert eventfd.startswith("write(11<")
    assert re.search(r"^fsync\(\d+<.*/tmp/[0-9a-f]+>\) += 0", fsync)


@pytest.fixture
def strace(tmp_path: Path) -> list[str]:
    """The strace command; the test is skipped where it is missing or not permitted."""
    command = shutil.which("strace")
    if command is None:
        pytest.skip("there is no strace")
    tried = subprocess.run([command, "true"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"strace may not trace here: {tried.stderr.strip()[-200:]}")
    return [command, "-f", "-y", "-s", "16", "-e", f"trace={CALLS}"]


Trace = Callable[[Server], AbstractContextManager[Traced]]


@pytest.fixture
def traced(strace: list[str], tmp_path: Path) -> Trace:
    """The calls of a server during the context; available at its end."""

    @contextmanager
    def trace(server: Server) -> Iterator[Traced]:
        log, result = tmp_path / "trace", Traced([])
        command = [*strace, "-p", str(server.pid), "-o", str(log)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
            assert tracer.stderr is not None
            assert "attached" in tracer.stderr.readline()
            yield result
            until(lambda: re.search(ANSWER, log.read_text()))
            tracer.terminate()
        result.calls.extend(parse(log.read_text()))

    return trace


def test_an_upload_is_answered_after_its_bytes_and_its_rows_are_on_disk(
    make_server: MakeServer, traced: Trace
) -> None:
    """In order: file, rename, every new directory on the path, commit, response.

    A power cut between any two of these loses no acknowledged data, and leaves no row without a
    blob.
    """
    server = make_server(workers=1)

    with traced(server) as calls:
        digest = server.upload(jpeg(1))["sha256"]

    first, second = f"blobs/{digest[:2]}", f"blobs/{digest[:2]}/{digest[2:4]}"
    file = calls.index(r"^fsync\(\d+<.*/tmp/[0-9a-f]+>\) += 0|^fdatasync\(\d+<.*/tmp/")
    moved = calls.index(rf"^rename.*/{digest}\W.* = 0", after=file)
    entry = calls.index(rf"^fsync\(\d+<.*/{second}>\) += 0", after=moved)
    made = calls.index(rf"^fsync\(\d+<.*/{first}>\) += 0")
    top = calls.index(r"^fsync\(\d+<.*/blobs>\) += 0")
    answer = calls.index(r"HTTP/1.1 201")
    commit = calls.index(WAL_ON_DISK, after=entry)
    assert max(made, top, entry) < commit < answer


def test_a_delete_is_committed_before_the_blob_is_removed(
    make_server: MakeServer, traced: Trace
) -> None:
    """In the opposite order, a crash in between would leave a row without a blob."""
    server = make_server(workers=1)
    image = server.upload(jpeg(1))
    server.finished(image["job"]["id"])

    with traced(server) as calls:
        assert server.client.delete(f"/api/v1/images/{image['id']}").status_code == 204

    gone = calls.index(rf"^unlink.*/{image['sha256']}\W.* = 0")
    assert calls.index(WAL_ON_DISK) < gone < calls.index("HTTP/1.1 204")
