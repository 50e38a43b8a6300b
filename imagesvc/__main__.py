"""The entry point: `imagesvc` and `python -m imagesvc`."""

import gc
import sys

INTERRUPTED = 130
"""The exit status of what SIGINT ends, as shells have it."""


def main() -> None:
    """Run the command line.

    The modules are loaded here, with the garbage collector off: it would visit what they define
    again and again, which takes a tenth of the time of a start, and free next to nothing.
    """
    try:
        gc.disable()
        from imagesvc.cli.main import run  # noqa: PLC0415  # see above

        gc.freeze()
        gc.enable()
        sys.exit(run())
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
