"""The program of a worker process: `python -m imagesvc.workers`."""

import gc


def main() -> None:
    """Serve the server that started this process.

    The modules and libraries are loaded with the garbage collector off, which would visit them
    again and again for a twentieth of the time of a start; `run` turns it on when they are loaded.
    """
    gc.disable()
    from imagesvc.workers.main import run  # noqa: PLC0415  # see above

    run()


if __name__ == "__main__":
    main()
