"""The entry point: `imagesvc` and `python -m imagesvc`."""

import atexit
import gc
import os
import sys

INTERRUPTED = 130
"""The exit status of what SIGINT ends, as shells have it."""
NOT_PRINTED = 120
"""That of the interpreter when standard output cannot be written."""
BUCKETS = "obstore"
"""The library of buckets, which is loaded with the first one."""


def main() -> None:
    """Run the command line, and end the process."""
    ending = _Ending()
    atexit.register(ending.leave)  # what is registered first is called last
    try:
        sys.exit(_run())
    except SystemExit as end:
        ending.status = end.code if isinstance(end.code, int) else int(end.code is not None)
        raise


def _run() -> int:
    """Run the command line; returns the exit status.

    The modules are loaded here, with the garbage collector off: it would visit what they define
    again and again, which takes a tenth of the time of a start, and free next to nothing.
    """
    try:
        gc.disable()
        from imagesvc.cli.main import run  # noqa: PLC0415  # see above

        gc.freeze()
        gc.enable()
        return run()
    except KeyboardInterrupt:
        return INTERRUPTED


class _Ending:
    """The end of a process in which threads of the library of buckets may still run.

    Such a thread sets a result and then waits for the interpreter. If that is ending, CPython
    before 3.14 exits the thread, and Rust aborts the process.
    """

    def __init__(self) -> None:
        self.status = 1  # that of an exception

    def leave(self) -> None:
        """End the process without the end of the interpreter, if the library is loaded."""
        if BUCKETS not in sys.modules:
            return
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except (OSError, ValueError):
            os._exit(NOT_PRINTED)
        os._exit(self.status)


if __name__ == "__main__":
    main()
