"""The filter of system calls: threads and work on memory and open descriptors, nothing else.

Everything that is not listed is refused with EPERM. A path cannot be opened, so a worker lives on
the descriptors that it is sent. Source: seccomp(2), linux/seccomp.h, linux/bpf_common.h.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import struct
from dataclasses import dataclass

from imagesvc.workers.sandbox import libc, syscalls

AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
SECCOMP = {"x86_64": 317, "aarch64": 277}
SET_MODE_FILTER, FLAG_TSYNC = 1, 1

ALLOW = 0x7FFF0000
ERRNO = 0x00050000
KILL_PROCESS = 0x80000000

LOAD, JUMP_EQUAL, JUMP_GREATER_EQUAL, JUMP_SET, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER_AT, ARCH_AT, ARGUMENTS_AT = 0, 4, 16
"""Offsets in `struct seccomp_data`; of an argument, the low half on both architectures."""
X32_BIT = 0x40000000

CLONE_THREAD = 0x00010000
CLONE_NAMESPACES = 0x7E020000
"""All flags `CLONE_NEW*`."""
PROT_EXEC = 4
PR_SET_NAME = 15
F_DUPFD_CLOEXEC = 1030
HARMLESS_FCNTL = (fcntl.F_DUPFD, fcntl.F_GETFD, fcntl.F_SETFD, fcntl.F_GETFL, F_DUPFD_CLOEXEC)
"""Not F_SETOWN: with O_ASYNC, the kernel would signal any process of the same user."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction of classic BPF; jumps count the instructions that they pass over."""

    code: int
    value: int
    if_true: int = 0
    if_false: int = 0


def program(machine: str, pid: int) -> tuple[Instruction, ...]:
    """The filter for an architecture and for the process with this id.

    Raises:
        OSError: there are no tables for the architecture.
    """
    if machine not in syscalls.ARCHITECTURES:
        raise OSError(errno.ENOSYS, f"there is no filter for {machine}")
    blocks = [
        *(_on(name, machine, _return(ALLOW)) for name in syscalls.ALLOWED),
        # No code can be made or loaded any more.
        _on("mmap", machine, *_unless(2, PROT_EXEC, errno.EACCES)),
        _on("mprotect", machine, *_unless(2, PROT_EXEC, errno.EACCES)),
        _on("clone", machine, *_if_thread()),
        # Its flags are in memory, out of reach of a filter; on ENOSYS libc takes `clone`.
        _on("clone3", machine, _refuse(errno.ENOSYS)),
        _on("prctl", machine, *_if_one_of(0, (PR_SET_NAME,))),
        _on("fcntl", machine, *_if_one_of(1, HARMLESS_FCNTL)),
        _on("tgkill", machine, *_if_one_of(0, (pid,))),  # what abort() does
        _on("ioctl", machine, _refuse(errno.ENOTTY)),
        *(_on(name, machine, _return(KILL_PROCESS)) for name in syscalls.FATAL),
    ]
    return (
        Instruction(LOAD, ARCH_AT),
        Instruction(JUMP_EQUAL, AUDIT_ARCH[machine], if_true=1),
        _return(KILL_PROCESS),
        Instruction(LOAD, NUMBER_AT),
        *_without_x32(machine),
        *(instruction for block in blocks for instruction in block),
        _refuse(errno.EPERM),
    )


def install() -> None:
    """Filter the system calls of every thread of this process, permanently.

    Raises:
        OSError: the kernel or a container refuses, or there is no filter for this machine.
    """
    machine = os.uname().machine
    instructions = program(machine, os.getpid())
    code = b"".join(
        struct.pack("=HBBI", it.code, it.if_true, it.if_false, it.value) for it in instructions
    )
    buffer = ctypes.create_string_buffer(code)
    header = struct.pack("@HP", len(instructions), ctypes.addressof(buffer))
    libc.syscall(SECCOMP[machine], SET_MODE_FILTER, FLAG_TSYNC, header)


def _on(name: str, machine: str, *then: Instruction) -> tuple[Instruction, ...]:
    """Instructions for one system call, each way of which returns."""
    number = syscalls.number(name, machine)
    if number is None:
        return ()
    return (Instruction(JUMP_EQUAL, number, if_false=len(then)), *then)


def _without_x32(machine: str) -> tuple[Instruction, ...]:
    """Refuse the x32 ABI, whose numbers would pass the list under other meanings."""
    if machine != "x86_64":
        return ()
    return (Instruction(JUMP_GREATER_EQUAL, X32_BIT, if_false=1), _return(KILL_PROCESS))


def _unless(argument: int, bits: int, error: int) -> tuple[Instruction, ...]:
    return (_argument(argument), Instruction(JUMP_SET, bits, if_false=1), _refuse(error),
            _return(ALLOW))  # fmt: skip


def _if_thread() -> tuple[Instruction, ...]:
    return (
        _argument(0),
        Instruction(JUMP_SET, CLONE_THREAD, if_false=1),
        Instruction(JUMP_SET, CLONE_NAMESPACES, if_false=1),
        _refuse(errno.EPERM),
        _return(ALLOW),
    )


def _if_one_of(argument: int, values: tuple[int, ...]) -> tuple[Instruction, ...]:
    tests = tuple(
        Instruction(JUMP_EQUAL, value, if_true=len(values) - at) for at, value in enumerate(values)
    )
    return (_argument(argument), *tests, _refuse(errno.EPERM), _return(ALLOW))


def _argument(index: int) -> Instruction:
    return Instruction(LOAD, ARGUMENTS_AT + 8 * index)


def _return(verdict: int) -> Instruction:
    return Instruction(RETURN, verdict)


def _refuse(error: int) -> Instruction:
    return _return(ERRNO | error)
