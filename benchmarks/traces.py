"""What a trace of Chromium tells of the tasks of a page's main thread."""

from __future__ import annotations

import json
from dataclasses import dataclass

CATEGORIES = ("disabled-by-default-devtools.timeline", "toplevel")
"""Those that have the tasks and the names of threads."""
_MAIN, _TASK = "CrRendererMain", "RunTask"


@dataclass(frozen=True, slots=True)
class Task:
    """Milliseconds of a task: by the clock, and of processor time of its thread."""

    wall: float
    processor: float


def tasks_of(trace: bytes) -> list[Task]:
    """The tasks of the main threads of all pages.

    By the clock a task also waits while other processes have the processor, such as the workers
    of a server on the same machine; `tdur` is the time of its own thread.
    """
    events = json.loads(trace)["traceEvents"]
    names = [event for event in events if event["name"] == "thread_name"]
    main = {(it["pid"], it["tid"]) for it in names if it["args"]["name"] == _MAIN}
    return [
        Task(event["dur"] / 1000, event.get("tdur", 0) / 1000)
        for event in events
        if event["name"] == _TASK and event["ph"] == "X" and (event["pid"], event["tid"]) in main
    ]
