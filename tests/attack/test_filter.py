"""The system call filter, interpreted instruction by instruction for every architecture."""

from __future__ import annotations

import errno

import pytest

from imagesvc.workers.sandbox import seccomp, syscalls
from imagesvc.workers.sandbox.seccomp import ALLOW, ERRNO, KILL_PROCESS, program

PID = 4711
HIGHEST_NUMBER = 1000
SPECIAL = {"clone", "clone3", "fcntl", "ioctl", "mmap", "mprotect", "prctl", "tgkill"}
OUTWARD = {
    "openat": (257, 56),
    "kill": (62, 129),
    "socket": (41, 198),
    "prlimit64": (302, 261),
}
SIGCHLD = 17


def verdict(machine: str, number: int, *args: int, arch: int | None = None) -> int:
    """The result of the filter for a system call; see linux/bpf_common.h."""
    fields = {
        seccomp.NUMBER_AT: number,
        seccomp.ARCH_AT: seccomp.AUDIT_ARCH[machine] if arch is None else arch,
    }
    for index in range(6):
        value = args[index] if index < len(args) else 0
        fields[seccomp.ARGUMENTS_AT + 8 * index] = value & 0xFFFFFFFF
    code = program(machine, PID)
    register = at = 0
    while True:
        it = code[at]
        at += 1
        if it.code == seccomp.RETURN:
            return it.value
        if it.code == seccomp.LOAD:
            register = fields[it.value]
            continue
        holds = {
            seccomp.JUMP_EQUAL: register == it.value,
            seccomp.JUMP_GREATER_EQUAL: register >= it.value,
            seccomp.JUMP_SET: bool(register & it.value),
        }[it.code]
        at += it.if_true if holds else it.if_false


def named(machine: str, name: str) -> int:
    """The number of a system call of the architecture."""
    number = syscalls.number(name, machine)
    assert number is not None
    return number


@pytest.mark.parametrize("machine", syscalls.ARCHITECTURES)
def test_unlisted_calls_are_refused(machine: str) -> None:
    """This holds for every existing and future number."""
    listed = {syscalls.number(name, machine) for name in syscalls.NUMBERS}

    for number in set(range(HIGHEST_NUMBER)) - listed:
        assert verdict(machine, number) == ERRNO | errno.EPERM
    for numbers in OUTWARD.values():
        assert numbers[syscalls.ARCHITECTURES.index(machine)] not in listed


@pytest.mark.parametrize("machine", syscalls.ARCHITECTURES)
def test_each_listed_call_has_its_verdict(machine: str) -> None:
    """The call is allowed or fatal, regardless of its arguments."""
    assert set(syscalls.NUMBERS) == {*syscalls.ALLOWED, *syscalls.FATAL, *SPECIAL}
    for names, expected in ((syscalls.ALLOWED, ALLOW), (syscalls.FATAL, KILL_PROCESS)):
        for number in filter(None, (syscalls.number(name, machine) for name in names)):
            assert verdict(machine, number, *[0xFFFFFFFF] * 6) == expected


@pytest.mark.parametrize("machine", syscalls.ARCHITECTURES)
def test_threads_are_no_processes(machine: str) -> None:
    """`clone` is decided by its flags.

    `clone3`, whose flags are not visible, makes libc use `clone`.
    """
    clone, thread = named(machine, "clone"), 0x3D0F00
    newest = {0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000}

    assert verdict(machine, clone, thread) == ALLOW
    assert verdict(machine, clone, SIGCHLD) == ERRNO | errno.EPERM
    assert {verdict(machine, clone, thread | it) for it in newest} == {ERRNO | errno.EPERM}
    assert verdict(machine, named(machine, "clone3")) == ERRNO | errno.ENOSYS


@pytest.mark.parametrize("machine", syscalls.ARCHITECTURES)
def test_memory_is_never_executable(machine: str) -> None:
    """Memory is neither created nor made executable."""
    for name in ("mmap", "mprotect"):
        assert verdict(machine, named(machine, name), 0, 4096, 3) == ALLOW
        for protection in (4, 5, 7):
            made = verdict(machine, named(machine, name), 0, 4096, protection)
            assert made == ERRNO | errno.EACCES


@pytest.mark.parametrize("machine", syscalls.ARCHITECTURES)
def test_signals_reach_only_the_own_process(machine: str) -> None:
    """Only `tgkill`, for abort(), is allowed; no descriptor makes the kernel send a signal."""
    assert verdict(machine, named(machine, "tgkill"), PID, 1, 6) == ALLOW
    assert verdict(machine, named(machine, "tgkill"), PID + 1, 1, 6) == ERRNO | errno.EPERM
    allowed = {
        it for it in range(2000) if verdict(machine, named(machine, "fcntl"), 3, it) == ALLOW
    }
    assert allowed == {0, 1, 2, 3, 1030}
    named_only = {it for it in range(100) if verdict(machine, named(machine, "prctl"), it) == ALLOW}
    assert named_only == {15}
    assert verdict(machine, named(machine, "ioctl"), 3, 0x8901) == ERRNO | errno.ENOTTY


def test_other_ways_into_the_kernel_are_fatal() -> None:
    """The 32-bit ABI and x32 use other numbers."""
    assert verdict("x86_64", 0, arch=0x40000003) == KILL_PROCESS
    assert verdict("x86_64", 0x40000000) == KILL_PROCESS
    assert verdict("aarch64", 63, arch=0x40000028) == KILL_PROCESS


def test_other_architectures_have_no_filter() -> None:
    """The reason names the architecture."""
    with pytest.raises(OSError, match="no filter for riscv64"):
        program("riscv64", PID)
