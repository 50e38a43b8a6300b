"""The entry point: `imagesvc` and `python -m imagesvc`.

Worker processes load this module too, so it imports nothing until it is called.
"""

import sys

INTERRUPTED = 130
"""The exit status of what SIGINT ends, as shells have it."""


def main() -> None:
    """Run the command line."""
    try:
        from imagesvc.cli import run  # noqa: PLC0415  # see the module's docstring

        sys.exit(run())
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
