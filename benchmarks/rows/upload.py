"""Durable uploads with their jobs, against the sum of the parts."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from benchmarks import client, plan
from benchmarks.limits import Render, RenderProcesses, durable_write_seconds
from benchmarks.photos import distinct
from benchmarks.report import Bench, Row, at_least, take_turns
from benchmarks.servers import CORES, ImageService

_AT_ONCE = 16


def run(bench: Bench) -> list[Row]:
    """Upload distinct photos; the clock stops when the last job has succeeded."""
    count = 32 if bench.quick else 128
    folder = bench.fresh("upload")
    photo = bench.photos.medium
    variants = (Render(str(photo), 256, 256), Render(str(photo), 720))
    with ImageService(folder) as service, RenderProcesses(len(CORES)) as processes:

        def limit(number: int) -> float:
            files = _copies(photo, number, count)
            written = durable_write_seconds(folder / f"written-{number}", files, _AT_ONCE)
            return count / (written + processes.seconds(variants * count))

        def ours(number: int) -> float:
            return count / _upload_seconds(service.port, _copies(photo, number, count))

        limit(bench.rounds)  # both warm
        ours(bench.rounds)
        turns = take_turns(bench.rounds, limit, ours)
    what = f"uploads of {photo.stat().st_size / 1000:.0f} kB with jobs, {_AT_ONCE} at once / parts"
    return [at_least(what, 1.00, turns, "images/s")]


def _copies(photo: Path, number: int, count: int) -> list[bytes]:
    """Files that differ from each other and from those of any other round."""
    return [distinct(photo, number * count + index) for index in range(count)]


def _upload_seconds(port: int, files: list[bytes]) -> float:
    """From the first byte sent to the moment the last job finished, as the jobs say."""
    requests = tuple(
        plan.post(f"/api/v1/images?filename={number}.jpg", "image/jpeg", data)
        for number, data in enumerate(files)
    )
    outcome = client.run(plan.Plan(port, requests, _AT_ONCE, keep_bodies=True)).expect(201)
    jobs = [json.loads(body)["job"]["id"] for body in outcome.bodies]
    # The last one first: until it is done, the others need no asking.
    finished = [client.wait_for_job(port, job)["finished_at"] for job in reversed(jobs)]
    return max(map(_seconds_since_epoch, finished)) - outcome.started_at


def _seconds_since_epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
