"""Numbers of system calls, and the rule for each in a restricted worker.

Source: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h of Linux.
"""

from __future__ import annotations

from collections.abc import Mapping

ARCHITECTURES = ("x86_64", "aarch64")
"""As `os.uname` names them, in the order of the columns below."""

NUMBERS: Mapping[str, tuple[int | None, int | None]] = {
    "read": (0, 63), "write": (1, 64), "close": (3, 57), "fstat": (5, 80), "poll": (7, None),
    "lseek": (8, 62), "mmap": (9, 222), "mprotect": (10, 226), "munmap": (11, 215),
    "brk": (12, 214), "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139), "ioctl": (16, 29), "pread64": (17, 67), "readv": (19, 65),
    "writev": (20, 66), "sched_yield": (24, 124), "mremap": (25, 216), "madvise": (28, 233),
    "dup": (32, 23), "nanosleep": (35, 101), "getpid": (39, 172), "sendto": (44, 206),
    "recvfrom": (45, 207), "recvmsg": (47, 212), "clone": (56, 220), "execve": (59, 221),
    "exit": (60, 93), "fcntl": (72, 25), "gettimeofday": (96, 169), "getrusage": (98, 165),
    "sysinfo": (99, 179), "ptrace": (101, 117), "getuid": (102, 174), "getgid": (104, 176),
    "getppid": (110, 173), "geteuid": (107, 175), "getegid": (108, 177), "sigaltstack": (131, 132),
    "prctl": (157, 167), "gettid": (186, 178), "futex": (202, 98),
    "sched_getaffinity": (204, 123), "set_tid_address": (218, 96), "restart_syscall": (219, 128),
    "clock_gettime": (228, 113), "clock_getres": (229, 114), "clock_nanosleep": (230, 115),
    "exit_group": (231, 94), "tgkill": (234, 131), "ppoll": (271, 73), "unshare": (272, 97),
    "set_robust_list": (273, 99), "setns": (308, 268), "getcpu": (309, 168),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "getrandom": (318, 278),
    "bpf": (321, 280), "execveat": (322, 281), "userfaultfd": (323, 282),
    "membarrier": (324, 283), "rseq": (334, 293), "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "clone3": (435, 435),
    "pidfd_getfd": (438, 438),
}  # fmt: skip

ALLOWED = (
    "read", "write", "futex", "munmap", "madvise", "brk", "lseek", "close", "recvmsg", "recvfrom",
    "sendto", "pread64", "readv", "writev", "mremap", "clock_gettime", "getrandom", "gettid",
    "getpid", "sched_yield", "rt_sigprocmask", "rt_sigaction", "rt_sigreturn", "sigaltstack",
    "nanosleep", "clock_nanosleep", "clock_getres", "gettimeofday", "restart_syscall", "poll",
    "ppoll", "fstat", "dup", "sysinfo", "getrusage", "sched_getaffinity", "getcpu", "getuid",
    "geteuid", "getgid", "getegid", "set_robust_list", "set_tid_address", "rseq", "membarrier",
    "getppid", "exit", "exit_group",
)  # fmt: skip
"""Work on memory, time and descriptors that are open already; the most frequent first."""

FATAL = (
    "execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev", "io_uring_setup",
    "io_uring_enter", "io_uring_register", "bpf", "userfaultfd", "unshare", "setns",
    "pidfd_getfd",
)  # fmt: skip
"""Calls that no library here makes: they kill the process immediately."""


def number(name: str, machine: str) -> int | None:
    """The number of a system call on an architecture; None if it does not exist."""
    return NUMBERS[name][ARCHITECTURES.index(machine)]
