"""A worker in which an attacker runs code: a worker of the pool, with one more call."""

from __future__ import annotations

from typing import Any

from imagesvc.imaging.calls import Call
from imagesvc.imaging.messages import Files
from imagesvc.workers import main as worker


def _execute(files: Files, code: str) -> object:
    """Run code; its result is what it binds to `result`."""
    names: dict[str, object] = {"files": files, "result": None}
    exec(code, names)  # what a decoder that was taken over could do
    return names["result"]


EXECUTE: Call[Any] = Call("execute", lambda value: (value, b""), lambda plain, _answer: plain)


def run() -> None:
    """Serve, with the arguments of the command line."""
    worker.run({EXECUTE.name: EXECUTE.handled_by(_execute)})


if __name__ == "__main__":
    run()
