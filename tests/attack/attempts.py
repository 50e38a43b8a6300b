"""Attempts of code in a worker: each ends as `leaked`, or with the error that stopped it."""

from __future__ import annotations

PRELUDE = """
import ctypes, errno, fcntl, mmap, os, signal, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
def attempt(act):
    try:
        act()
    except OSError as error:
        return errno.errorcode.get(error.errno, "OSError")
    return "leaked"
def checked(status):
    if status < 0:
        raise OSError(ctypes.get_errno(), "refused")
def read(path, at=0):
    fd = os.open(path, os.O_RDONLY)
    os.lseek(fd, at, os.SEEK_SET)
    os.read(fd, 1)
server, me = os.getppid(), os.getpid()
def cloned(number):
    checked(libc.syscall(number, signal.SIGCHLD, 0, 0, 0, 0))
    if os.getpid() != me:
        os._exit(0)
"""

ATTEMPTS = {
    "read the secret key": "read({data!r} + '/secret.key')",
    "read the database": "read({data!r} + '/imagesvc.db')",
    "read another user's original": "read({data!r} + '/blobs/original')",
    "list the originals": "os.listdir({data!r} + '/blobs')",
    "read its own program": "read(os.__file__)",
    "follow a path through /proc": "read('/proc/self/root' + {data!r} + '/secret.key')",
    "read the server's environment": "read(f'/proc/{{server}}/environ')",
    "read the server's memory": "os.open(f'/proc/{{server}}/mem', os.O_RDONLY)",
    "read its own memory map": "read('/proc/self/maps')",
    "open the server's descriptors": "os.listdir(f'/proc/{{server}}/fd')",
    "write the database": "os.open({data!r} + '/imagesvc.db', os.O_WRONLY)",
    "make a file": "os.open({data!r} + '/made', os.O_WRONLY | os.O_CREAT)",
    "remove a file": "os.unlink({data!r} + '/removable')",
    "rename a file": "os.rename({data!r} + '/renamable', {data!r} + '/stolen')",
    "make a link": "os.link({data!r} + '/secret.key', {data!r} + '/link')",
    "change a mode": "os.chmod({data!r} + '/secret.key', 0o600)",
    "cut a file": "os.truncate({data!r} + '/imagesvc.db', 0)",
    "connect over TCP": "socket.socket().connect(('127.0.0.1', {port}))",
    "open a UDP socket": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "open a Unix socket": "socket.socket(socket.AF_UNIX)",
    "make a socket pair": "socket.socketpair()",
    "fork": "os.fork() or os._exit(0)",
    "fork by clone": "cloned({clone})",
    "probe the server by a signal": "os.kill(server, 0)",
    "have the kernel signal the server": "fcntl.fcntl(channel, fcntl.F_SETOWN, server)",
    "limit the server": "checked(libc.prlimit(server, 7, None, None))",
    "schedule the server": "os.sched_setaffinity(server, os.sched_getaffinity(0))",
    "hold the server by a descriptor": "os.pidfd_open(server)",
    "lift its own limits": "checked(libc.prlimit(0, 7, struct.pack('QQ', 64, 64), None))",
    "make executable memory": "mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC)",
    "make memory executable": "checked(libc.mprotect(page, 4096, 7))",
    "make a memory file": "os.memfd_create('x')",
    "become dumpable": "checked(libc.prctl(4, 1, 0, 0, 0))",
    "watch files": "checked(libc.inotify_init1(0))",
    "use the keyring": "checked(libc.syscall({keyctl}, 0, -3, 1))",
}  # fmt: skip
"""Name and expression. Decoding an image needs none of them."""


def script(**names: object) -> str:
    """Code that makes every attempt, and binds the results to `result`."""
    lines = [PRELUDE, "channel = int(sys.argv[1])"]
    lines += [
        "area = mmap.mmap(-1, 8192)",
        "page = ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(area)))",
        "result = {}",
    ]
    for name, act in ATTEMPTS.items():
        lines.append(f"result[{name!r}] = attempt(lambda: {act.format(**names)})")
    return "\n".join(lines)
