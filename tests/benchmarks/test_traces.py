"""Tasks in traces of Chromium."""

from __future__ import annotations

import json

from benchmarks.traces import Task, tasks_of


def test_tasks_are_those_of_main_threads_of_pages() -> None:
    """With the time of the clock and that of the thread."""
    names = [
        {"name": "thread_name", "ph": "M", "pid": 1, "tid": tid, "args": {"name": name}}
        for tid, name in ((7, "CrRendererMain"), (8, "Compositor"))
    ]
    task = {"name": "RunTask", "ph": "X", "pid": 1, "tid": 7, "dur": 97_000, "tdur": 30_000}
    others = [task | {"tid": 8}, task | {"pid": 2}, task | {"name": "Layout"}]

    found = tasks_of(json.dumps({"traceEvents": [task, *others, *names]}).encode())

    assert found == [Task(97, 30)]
