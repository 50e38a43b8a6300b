"""The entry point: `imagesvc` and `python -m imagesvc`.

Worker processes load this module too, so it imports nothing until it is called.
"""

import sys


def main() -> None:
    """Run the command line."""
    from imagesvc.cli import run  # noqa: PLC0415  # see the module's docstring

    sys.exit(run())


if __name__ == "__main__":
    main()
