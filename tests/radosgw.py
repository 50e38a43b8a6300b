"""An S3 service for tests: radosgw of Debian's packages, one for all processes of a test run."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "imagesvc", "AWS_SECRET_ACCESS_KEY": "a-secret-of-tests"}
REGION = "default"
START_SECONDS = 60.0
STOP_SECONDS = 10.0
LOG_CHARACTERS = 2000
PROGRAMS = ("radosgw", "ceph-mon", "ceph-osd")
"""Debian's packages have the same names."""
GATEWAY = "client.rgw"
APART = "--rgw-num-control-oids=0"
"""Nobody announces changes of buckets to it: announcements would wait 30 s for a killed one."""
DAEMONS = (GATEWAY, "osd.0", "mon.a")
CONFIGURATION = """
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{v2},v1:127.0.0.1:{v1}]
public network = 127.0.0.0/8
keyring = {folder}/keyring
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon max pg per osd = 2000
mon data avail crit = 1
mon data avail warn = 1
osd objectstore = bluestore
bluestore block size = 4294967296
bluestore fsck on mount = false
osd memory target = 939524096
osd op num shards = 2
run dir = {folder}/run
admin socket = {folder}/run/$name.asok
pid file = {folder}/run/$name.pid
log file = {folder}/run/$name.log
mon data = {folder}/mon
osd data = {folder}/osd
rgw data = {folder}/rgw
rgw enable usage log = false
rgw thread pool size = 64
[mon]
debug mon = 0
"""


class Radosgw:
    """A running service."""

    def __init__(self, folder: Path) -> None:
        self.port = int((folder / "port").read_text())
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._shared: str | None = None

    @contextlib.contextmanager
    def gateway(self) -> Iterator[Gateway]:
        """One more gateway to the same buckets, for a test that kills it."""
        made = Gateway(self._folder)
        made.start()
        try:
            yield made
        finally:
            made.kill()

    def make_bucket(self) -> str:
        """The name of a new bucket, which takes a while."""
        name = f"test-{uuid4().hex}"
        self.client().create_bucket(Bucket=name)
        return name

    def limit(self, bucket: str, objects: int) -> None:
        """Let a bucket have so many objects at most; with -1, there is no limit."""
        quota = ("radosgw-admin", "quota")
        of_bucket = ("--quota-scope=bucket", f"--bucket={bucket}")
        _ceph(self._folder, *quota, "set", *of_bucket, f"--max-objects={objects}")
        _ceph(self._folder, *quota, "enable", *of_bucket)

    def url(self, bucket: str, *, endpoint: str | None = None) -> str:
        """The URL of what is below a prefix in a bucket, perhaps by way of a proxy."""
        return _url(bucket, "some/prefix", endpoint or self.endpoint)

    def new_url(self, *, endpoint: str | None = None) -> str:
        """The URL of what is below a prefix that is not in use, of a bucket that has others."""
        if self._shared is None:
            self._shared = self.make_bucket()
        return _url(self._shared, uuid4().hex, endpoint or self.endpoint)

    def client(self) -> Any:
        """Amazon's own client, to look at what is there."""
        import boto3  # noqa: PLC0415  # slow, and few tests need it

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )


class Gateway:
    """A gateway of one test to buckets that others use."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._name = f"gateway-{uuid4().hex}"
        (self.port,) = _free_ports(1)

    def start(self) -> None:
        """Start it, and wait until it accepts connections."""
        _start_gateway(self._folder, self._name, self.port, APART)

    def kill(self) -> None:
        """Send SIGKILL, and wait for its end."""
        _kill(self._folder, self._name)


def _url(bucket: str, prefix: str, endpoint: str) -> str:
    return f"s3://{bucket}/{prefix}?endpoint={endpoint}&region={REGION}"


@contextlib.contextmanager
def shared_radosgw(place: Path) -> Iterator[Radosgw]:
    """The service of this test run, whose processes share the folder `place`.

    The first process starts it, and the last stops it. Its credentials are in the environment.
    """
    place.mkdir(exist_ok=True)
    with _locked(place):
        users = _users(place)
        if not users:
            shutil.rmtree(place / "data", ignore_errors=True)
            try:
                _start(place / "data")
            except BaseException:
                _stop(place / "data")  # those that run already
                raise
        (place / "users").write_text(json.dumps([*users, os.getpid()]))
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in CREDENTIALS.items():
                patch.setenv(name, value)
            yield Radosgw(place / "data")
    finally:
        with _locked(place):
            others = [pid for pid in _users(place) if pid != os.getpid()]
            (place / "users").write_text(json.dumps(others))
            if not others:
                _stop(place / "data")
                shutil.rmtree(place / "data")


@contextlib.contextmanager
def _locked(place: Path) -> Iterator[None]:
    with (place / "lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _users(place: Path) -> list[int]:
    """The processes that use the service and still run."""
    with contextlib.suppress(FileNotFoundError):
        pids: list[int] = json.loads((place / "users").read_text())
        return [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    return []


def _start(folder: Path) -> None:
    """A monitor, a disk in a file, and the gateway, as daemons; cephx is on, as it hangs else."""
    if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
        pytest.skip(f"{', '.join(missing)} not found: apt-get install {' '.join(PROGRAMS)}")
    for name in ("mon", "osd", "rgw", "run"):
        (folder / name).mkdir(parents=True)
    fsid, (v2, v1, port) = str(uuid4()), _free_ports(3)
    configuration = CONFIGURATION.format(fsid=fsid, v2=v2, v1=v1, folder=folder)
    (folder / "ceph.conf").write_text(configuration)
    _make_keys(folder)
    address = f"[v2:127.0.0.1:{v2},v1:127.0.0.1:{v1}]"
    _run(folder, "monmaptool", "--create", "--fsid", fsid, "--addv", "a", address, folder / "map")
    _ceph(folder, "ceph-mon", "-i", "a", "--mkfs", "--monmap", folder / "map")
    _ceph(folder, "ceph-mon", "-i", "a")
    disk = str(uuid4())
    _ceph(folder, "ceph", "osd", "new", disk)
    _ceph(folder, "ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", disk)
    _ceph(folder, "ceph-osd", "-i", "0")
    _ceph(folder, "ceph", "osd", "crush", "add", "osd.0", "1.0", "root=default", "host=localhost")
    access, secret = CREDENTIALS.values()
    _ceph(
        folder, "radosgw-admin", "user", "create", "--uid=test", "--display-name=test",
        f"--access-key={access}", f"--secret-key={secret}",
    )  # fmt: skip
    _start_gateway(folder, GATEWAY, port)
    (folder / "port").write_text(str(port))


def _start_gateway(folder: Path, name: str, port: int, *options: str) -> None:
    run = folder / "run" / name
    _ceph(
        folder, "radosgw", "-n", GATEWAY, f"--rgw-frontends=beast endpoint=127.0.0.1:{port}",
        f"--pid-file={run}.pid", f"--admin-socket={run}.asok", f"--log-file={run}.log", *options,
    )  # fmt: skip
    _wait_for(port)


def _make_keys(folder: Path) -> None:
    everything = ("mon", "allow *", "osd", "allow *", "mgr", "allow *")
    for name, permissions in {
        "mon.": ("mon", "allow *"),
        "client.admin": everything,
        "client.rgw": everything,
        "osd.0": ("mon", "allow profile osd", "osd", "allow *"),
    }.items():
        caps = [
            part
            for kind, text in zip(permissions[::2], permissions[1::2], strict=True)
            for part in ("--cap", kind, text)
        ]
        create = [] if (folder / "keyring").exists() else ["--create-keyring"]
        _run(folder, "ceph-authtool", folder / "keyring", *create, "--gen-key", "-n", name, *caps)


def _ceph(folder: Path, program: str, *arguments: str | Path) -> None:
    keyring = ("--keyring", folder / "keyring")
    _run(folder, program, "-c", folder / "ceph.conf", *keyring, *arguments)


def _run(folder: Path, *command: str | Path) -> None:
    path = folder / "run" / "commands.log"
    with path.open("a") as log:
        code = subprocess.run(
            command, check=False, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        ).returncode
    if code:
        raise RuntimeError(f"{command[0]} ended with {code}:\n{path.read_text()[-LOG_CHARACTERS:]}")


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if time.monotonic() > deadline:
            raise RuntimeError("radosgw did not start.")
        time.sleep(0.05)


def _stop(folder: Path) -> None:
    """Kill the daemons, and wait until they have ended: they write into the folder."""
    for name in DAEMONS:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            _kill(folder, name)


def _kill(folder: Path, name: str) -> None:
    process = os.pidfd_open(int((folder / "run" / f"{name}.pid").read_text()))
    try:
        signal.pidfd_send_signal(process, signal.SIGKILL)
        select.select([process], [], [], STOP_SECONDS)
    finally:
        os.close(process)
