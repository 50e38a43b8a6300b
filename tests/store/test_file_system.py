"""The file system of a data directory, and the warning at the start."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from imagesvc.store.files.file_system import DOCS, doubtful_file_system, file_system_of, is_doubtful
from tests import commands
from tests.conftest import MakeServer
from tests.http.asking import picture

MOUNTS = r"""
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:26 / /mnt/nas rw,relatime shared:2 - autofs systemd-1 rw
31 30 0:40 / /mnt/nas rw,relatime shared:3 master:2 - nfs4 nas:/volume1 rw,vers=4.2,hard
32 31 0:41 / /mnt/nas/local rw,relatime - xfs /dev/vdb rw
33 22 0:42 / /srv/my\040photos\134x rw - fuse.sshfs me@host:/ rw
34 22 0:43 /sub /data rw,relatime - btrfs /dev/vdc rw
35 22 0:44 / /host rw - 9p drvfs rw
36 22 0:45 / /stick rw - fuseblk /dev/sda1 rw
torn line
"""
DISKS = (Path("/dev/shm"), Path("/var/tmp"))
"""Folders, at least one of which is often on another file system than that of the tests."""


@pytest.mark.parametrize(
    ("path", "kind", "expected"),
    [
        ("/", "ext4", False),
        ("/var/lib/imagesvc", "ext4", False),
        ("/mnt/nas", "nfs4", True),
        ("/mnt/nas/imagesvc", "nfs4", True),
        ("/mnt/nasty", "ext4", False),
        ("/mnt/nas/local/imagesvc", "xfs", False),
        (r"/srv/my photos\x/data", "fuse.sshfs", True),
        ("/data", "btrfs", False),
        ("/host/c/imagesvc", "9p", True),
        ("/stick/imagesvc", "fuseblk", True),
    ],
)
def test_the_innermost_mount_decides(path: str, kind: str, expected: bool) -> None:
    """The last mount at a path counts, by whole names of directories."""
    assert file_system_of(path, MOUNTS) == kind
    assert is_doubtful(kind) is expected


def test_a_link_is_followed_to_its_file_system(tmp_path: Path) -> None:
    """/proc lists the mounts of this process; a missing directory counts, too."""
    (tmp_path / "link").symlink_to("/proc/self")
    mounts = Path("/proc/self/mountinfo").read_text()

    assert file_system_of(os.path.realpath(tmp_path / "link" / "fd"), mounts) == "proc"
    assert doubtful_file_system(tmp_path / "link") is None


def test_the_page_that_the_warning_names_is_there() -> None:
    """It is the only advice of the warning."""
    assert (commands.REPOSITORY / DOCS).is_file()


def test_a_start_warns_only_of_network_file_systems(make_server: MakeServer) -> None:
    """Where the tests run, there is a warning only if the file system is one of them."""
    server = make_server(workers=1)

    assert ('"action":"data_dir.file_system"' in server.log()) is (
        doubtful_file_system(server.data_dir) is not None
    )


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A directory on another file system than that of the test."""
    here = tmp_path.stat().st_dev
    other = next((disk for disk in DISKS if disk.is_dir() and disk.stat().st_dev != here), None)
    if other is None:
        pytest.skip(f"neither of {' and '.join(map(str, DISKS))} is another file system")
    path = Path(tempfile.mkdtemp(dir=other))
    yield path
    shutil.rmtree(path)


@pytest.mark.parametrize("name", ["blobs", "tmp"])
def test_a_data_directory_on_two_disks_is_refused(
    tmp_path: Path, elsewhere: Path, name: str
) -> None:
    """Uploads are moved by rename, which would fail there."""
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    (data_dir / name).symlink_to(elsewhere)

    done = commands.run(
        "serve", "--port", "0", "--data-dir", str(data_dir), directory=tmp_path, workers=1
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith(
        f"imagesvc: {data_dir}/tmp and {data_dir}/blobs are on different file systems"
    )
    assert "Traceback" not in done.stderr
    assert list(elsewhere.iterdir()) == []
    assert not (data_dir / "imagesvc.db").exists()


def test_originals_and_uploads_may_be_on_another_file_system(
    make_server: MakeServer, tmp_path: Path, elsewhere: Path
) -> None:
    """This is the documented way to keep originals on a NAS and the database on a local disk."""
    data_dir = tmp_path / "data0"
    data_dir.mkdir()
    for name in ("blobs", "tmp", "quarantine"):
        (elsewhere / name).mkdir()
        (data_dir / name).symlink_to(elsewhere / name)

    server = make_server(workers=1)
    image = server.upload(picture(1))
    assert server.data_dir == data_dir
    server.kill()
    (blob,) = (elsewhere / "blobs").rglob(image["sha256"])
    blob.chmod(0o600)
    blob.write_bytes(b"rust")
    found = server.cli("check", "--repair")

    assert f"damaged: {data_dir}" in found.stdout
    assert [path.name for path in (elsewhere / "quarantine").iterdir()] == [image["sha256"]]
