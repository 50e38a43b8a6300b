"""The features of this machine's sandbox, and its other protections."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from imagesvc.workers.sandbox import landlock, libc, syscalls

PTRACE_SCOPE = Path("/proc/sys/kernel/yama/ptrace_scope")


def _missing() -> str:
    machine = os.uname().machine
    if machine not in syscalls.ARCHITECTURES:
        return f"there is no filter of system calls for {machine}"
    try:
        libc.syscall(landlock.CREATE_RULESET, None, 0, landlock.CREATE_RULESET_VERSION)
    except OSError as error:
        return f"this kernel has no Landlock: {error.strerror}"
    return ""


def processes_are_guarded() -> bool:
    """Whether Yama protects the memory of a process from others of the same user."""
    return PTRACE_SCOPE.exists() and PTRACE_SCOPE.read_text().strip() != "0"


needs_every_layer = pytest.mark.skipif(bool(_missing()), reason=_missing())
