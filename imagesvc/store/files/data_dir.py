"""The data directory: which file lives where."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from imagesvc.errors import NotFound, Unavailable
from imagesvc.store.files.files import fsync_directory, lacks_inodes
from imagesvc.store.files.owners import user_name


class DataDirClosed(Unavailable):
    """This user may not enter the directory."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason} {remedy}")
        self.reason = reason
        self.remedy = remedy


class NoDataDir(NotFound):
    """A directory in which no server has been started."""


class DataDirSplit(Unavailable):
    """Uploads cannot be renamed to their places, which are on another file system."""


class RestoreUnfinished(Unavailable):
    """A restore into the directory was interrupted."""


class DeadLink(Unavailable):
    """A part of the data directory is a symbolic link whose target is missing."""


@dataclass(frozen=True, slots=True)
class DataDir:
    """The places below one data directory."""

    root: Path

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.root / "imagesvc.db"

    @property
    def database_log(self) -> Path:
        """The commits that SQLite has not yet moved into that file (WAL)."""
        return self.root / "imagesvc.db-wal"

    @property
    def blobs(self) -> Path:
        """Originals, by digest."""
        return self.root / "blobs"

    @property
    def variants(self) -> Path:
        """Variants: evictable."""
        return self.root / "variants"

    @property
    def tmp(self) -> Path:
        """Uploads in flight and large variants on their way."""
        return self.root / "tmp"

    @property
    def secret(self) -> Path:
        """The service's own secret."""
        return self.root / "secret.key"

    @property
    def first_key(self) -> Path:
        """The first admin's API key, until it is used."""
        return self.root / "admin.key"

    @property
    def quarantine(self) -> Path:
        """Damaged blobs that `imagesvc check --repair` set aside."""
        return self.root / "quarantine"

    @property
    def last_backup(self) -> Path:
        """The time of the last whole backup."""
        return self.root / "last-backup"

    @property
    def restoring(self) -> Path:
        """What is being restored, until the restore is whole."""
        return self.root / "restore.json"

    @property
    def webhooks_held(self) -> Path:
        """While this file exists, nothing is sent to webhooks: a restore made it."""
        return self.root / "webhooks-held"

    @property
    def last_run(self) -> Path:
        """Its time is when a server last looked at the clock."""
        return self.root / "last-run"

    @property
    def deletions_held(self) -> Path:
        """While this file exists, nothing is deleted by time: the clock has jumped forward."""
        return self.root / "deletions-held"

    @property
    def server_lock(self) -> Path:
        """Locked by the running server."""
        return self.root / "server.lock"

    @property
    def downloads(self) -> Path:
        """Originals that were fetched from a bucket."""
        return self.root / "downloads"

    @property
    def digest_lock(self) -> Path:
        """Locked byte by byte, a digest each."""
        return self.root / "blobs.lock"

    @property
    def reserve(self) -> Path:
        """Room for deletes on a full disk."""
        return self.root / "reserve"

    def last_backup_at(self) -> datetime | None:
        """The time of the last whole backup, if there was one."""
        try:
            return datetime.fromisoformat(self.last_backup.read_text("ascii").strip())
        except (OSError, ValueError):
            return None

    def create(self) -> None:
        """Make missing parts; only the owner can read a new data directory.

        Raises:
            DeadLink: a directory is a link that leads nowhere.
        """
        self._check_links()
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        except FileExistsError as error:
            code = errno.ENOTDIR
            raise NotADirectoryError(code, os.strerror(code), str(self.root)) from error
        for path in (self.blobs, self.variants, self.tmp):
            path.mkdir(exist_ok=True)
        fsync_directory(self.root)
        fsync_directory(self.root.parent)

    def has_database(self) -> bool:
        """Whether a server has been started: there is a database, or originals that had one."""
        has_rows = self.database.exists() and self.database.stat().st_size > 0
        return has_rows or self.has_originals()

    def has_originals(self) -> bool:
        """Whether there is any blob."""
        return any(self.blobs.glob("??/??/*"))

    def require(self) -> None:
        """Make sure that this is a data directory; a mistyped one must not become one.

        Raises:
            DataDirClosed: this user may not enter it.
            NoDataDir: no server has been started here.
            RestoreUnfinished: a restore was interrupted.
            DeadLink: a directory is a link that leads nowhere.
        """
        self.check_restored()
        self._check_links()
        if not (self.has_database() or self.secret.exists()):
            raise NoDataDir(
                f"There is no data directory of imagesvc: {self.root}. Name that of the server "
                "with --data-dir or IMAGESVC_DATA_DIR; only imagesvc serve makes a new one."
            )

    def check_restored(self) -> None:
        """Make sure that no restore was interrupted here: a server would make a new database.

        Raises:
            DataDirClosed: this user may not enter it.
            RestoreUnfinished: one was.
        """
        self._check_access()
        if self.restoring.exists():
            raise RestoreUnfinished(
                f"The restore into {self.root} was interrupted. Run the same command, imagesvc "
                "restore, again: it continues with the same snapshot."
            )

    def _check_access(self) -> None:
        """Without access, each file in it seems to be missing, or to be the cause."""
        me = user_name(os.geteuid())
        try:
            status = self.root.stat()
        except PermissionError as error:
            raise DataDirClosed(
                f"{self.root} cannot be reached: {me} may not enter a directory above it.",
                "Run as the user of the server.",
            ) from error
        except OSError:  # it is missing, which others report, as they do a file in its place
            return
        if stat.S_ISDIR(status.st_mode) and not os.access(self.root, os.R_OK | os.X_OK):
            is_mine = status.st_uid == os.geteuid()
            change = f"chmod 700 {self.root}" if is_mine else f"chown -R {me} {self.root}"
            raise DataDirClosed(
                f"The data directory {self.root} belongs to {user_name(status.st_uid)} (mode "
                f"{status.st_mode & 0o777:04o}), so {me} may not read it.",
                f"Run as its owner; or, if {me} is the user of the server, as root: {change}",
            )

    def _check_links(self) -> None:
        for path in (self.root, self.blobs, self.variants, self.tmp):
            if path.is_symlink() and not path.exists():
                raise DeadLink(
                    f"{path} is a link that leads nowhere: {path.readlink()} does not exist. Is "
                    "its file system mounted?"
                )

    def check_renames(self) -> None:
        """Make sure that a file can be renamed from `tmp` to `blobs`, as each upload is.

        Tried, because mounts of one file system differ too. Other errors are found where they
        matter: a server starts on a full disk.

        Raises:
            DataDirSplit: the two are on different mounts.
        """
        source, target = self.tmp / "rename-check", self.blobs / "rename-check"
        try:
            source.touch(0o600)
            source.replace(target)
        except OSError as error:
            if error.errno == errno.EXDEV:
                raise DataDirSplit(
                    f"{self.tmp} and {self.blobs} are on different file systems or mounts, so no "
                    "upload could be stored. Put the whole data directory on one."
                ) from error
        finally:
            for path in (source, target):
                with contextlib.suppress(OSError):
                    path.unlink()

    def empty_tmp(self) -> None:
        """Remove the unfinished uploads of a crash."""
        for path in self.tmp.iterdir():
            if not path.is_dir():  # the service makes none, and its content is not the service's
                path.unlink()

    def free_bytes(self) -> int:
        """Bytes that can still be written here."""
        return shutil.disk_usage(self.root).free

    def has_inodes(self, count: int = 1) -> bool:
        """Whether so many files can still be made."""
        return not lacks_inodes(self.root, count)

    def free_inodes(self) -> int | None:
        """How many files can still be made; None on a file system without a limit."""
        status = os.statvfs(self.root)
        return status.f_favail if status.f_files else None

    def is_read_only(self) -> bool:
        """Whether its file system is mounted for reading only."""
        return bool(os.statvfs(self.root).f_flag & os.ST_RDONLY)

    def is_there(self) -> bool:
        """Whether the directory of the originals is in its place."""
        return self.blobs.is_dir()

    def is_writable(self) -> bool:
        """Whether the file system is writable and its directories are this user's to write."""
        return all(os.access(path, os.W_OK) for path in (self.tmp, self.blobs, self.variants))
