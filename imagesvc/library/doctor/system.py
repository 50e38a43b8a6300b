"""The machine: versions of programs and libraries, and limits of processes."""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from imagesvc.library.doctor.findings import Finding, error, ok, warning
from imagesvc.settings.settings import Settings
from imagesvc.store.db.sqlite.version import FIXES, has_wal_reset_bug, sqlite_version
from imagesvc.workers.sandbox.landlock import landlock_version

CODECS = """
import json, PIL, pillow_heif, pyvips
found = {"Pillow": PIL.__version__, "pillow-heif": pillow_heif.__version__}
found["libvips"] = ".".join(str(pyvips.version(part)) for part in range(3))
print(json.dumps(found))
"""
CODEC_SECONDS = 60.0
ENOUGH_FILES = 4096
FEW_FILES = 256
SPARE_MEMORY = 512 << 20
"""Bytes for the server itself and what workers have loaded."""
CGROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
SECCOMP = Path("/proc/sys/kernel/seccomp/actions_avail")


def versions() -> Iterator[Finding]:
    """The versions of imagesvc, Python and the system."""
    yield ok("imagesvc", f"version {version('imagesvc')}")
    yield ok("python", f"{platform.python_version()} ({sys.executable})")
    yield ok("kernel", f"{platform.system()} {platform.release()} ({platform.machine()})")
    try:
        yield ok("s3", f"obstore {version('obstore')}")
    except PackageNotFoundError:
        yield ok("s3", "not installed; buckets need it: pip install 'imagesvc[s3]'")


def sqlite() -> Iterator[Finding]:
    """The version of SQLite."""
    if has_wal_reset_bug():
        yield warning(
            "sqlite",
            f"{sqlite_version()} may damage a database that two programs write at once. imagesvc "
            "and its commands take turns.",
            f"Let no other program write to the database; or use a version with the fix ({FIXES}), "
            "such as the container image has.",
        )
    else:
        yield ok("sqlite", sqlite_version())


def codecs() -> Iterator[Finding]:
    """The libraries that decode, loaded in another process, which may crash."""
    done = subprocess.run(  # noqa: S603  # this interpreter and a constant
        [sys.executable, "-c", CODECS], capture_output=True, text=True, timeout=CODEC_SECONDS,
        check=False,
    )  # fmt: skip
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        yield error(
            "codecs",
            f"cannot be loaded, so no image can be decoded: {reason}",
            "Install imagesvc again: pip install --force-reinstall --constraint constraints.txt .",
        )
        return
    for name, found in json.loads(done.stdout).items():
        yield ok(name.lower(), found)


def open_files() -> Iterator[Finding]:
    """The limit of open files, which the server raises to the hard limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < ENOUGH_FILES:
        is_low = hard < FEW_FILES
        effect = "does not start, or refuses most connections" if is_low else "refuses some early"
        found = error if is_low else warning
        yield found(
            "open_files",
            f"at most {hard:,} files may be open, so the server {effect}.",
            f"Set LimitNOFILE={ENOUGH_FILES} in the systemd unit, or ulimit -n.",
        )
    else:
        yield ok("open_files", "unlimited" if hard == resource.RLIM_INFINITY else f"{hard:,}")


def memory(settings: Settings) -> Iterator[Finding]:
    """The memory of the machine or container, against what decoding may take."""
    limit = _memory_limit()
    needed = settings.decode_memory + SPARE_MEMORY
    if limit < needed:
        yield warning(
            "memory",
            f"{limit >> 20:,} MiB, but decode_memory permits {settings.decode_memory >> 20:,} MiB "
            "and the server needs some as well: the kernel may kill workers.",
            f"Set decode_memory to {max(64, (limit - SPARE_MEMORY) >> 20)}MiB, or give it more.",
        )
    else:
        yield ok("memory", f"{limit >> 20:,} MiB")


def _memory_limit() -> int:
    """Bytes that the processes of this machine or container may use."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [physical]
    for path in CGROUP_LIMITS:
        try:
            limits.append(int(path.read_text()))
        except (OSError, ValueError):  # another version of cgroups, or the word "max"
            continue
    return min(limits)


def sandbox(settings: Settings) -> Iterator[Finding]:
    """The layers of the workers' sandbox that this kernel has."""
    missing = []
    if landlock_version() is None:
        missing.append("Landlock (Linux 5.13, enabled by lsm=)")
    if not SECCOMP.exists():
        missing.append("seccomp")
    if settings.sandbox == "off":
        yield warning(
            "sandbox",
            "is off: an image that takes over a decoder can read all files of the server.",
            "Remove the setting sandbox.",
        )
    elif missing:
        found = error if settings.sandbox == "strict" else warning
        yield found(
            "sandbox",
            f"this kernel lacks {' and '.join(missing)}, so workers are not fully locked.",
            "Use a newer kernel, or permit it in the container's profile.",
        )
    else:
        yield ok("sandbox", f"Landlock {landlock_version()}, seccomp")
