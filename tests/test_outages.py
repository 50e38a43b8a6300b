"""Failures that go on are logged at their beginning, once a minute, and at their end."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from imagesvc.errors import DatabaseFull, Unavailable
from imagesvc.outages.fullness import TRIAL_SECONDS, Fullness
from imagesvc.outages.outage import REPEAT_SECONDS, Outage
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.write_probe import PAUSE_SECONDS, WriteProbe


def test_an_outage_is_logged_once_a_minute_and_its_end_once() -> None:
    now = [0.0]
    outage = Outage("it fails", "it.failed", "it works again", "it.works", lambda: now[0])

    with capture_logs() as lines:
        outage.passed()
        for _second in range(int(REPEAT_SECONDS) + 1):
            outage.failed(error="full")
            now[0] += 1
        assert outage.is_on
        outage.passed()
        outage.passed()

    assert not outage.is_on
    assert [line["action"] for line in lines] == ["it.failed", "it.failed", "it.works"]
    assert lines[0]["error"] == "full"
    assert lines[-1]["seconds"] == REPEAT_SECONDS + 1


def test_failures_between_successes_are_one_outage_until_a_calm_time() -> None:
    """Each would begin and end one otherwise."""
    now = [0.0]
    outage = Outage("it fails", "it.failed", "it works again", "it.works", lambda: now[0], calm=30)

    with capture_logs() as lines:
        for _second in range(20):
            outage.failed()
            now[0] += 1
            outage.passed()
        now[0] += 28
        outage.passed()
        assert outage.is_on
        now[0] += 1
        outage.passed(kind="A")

    assert not outage.is_on
    assert [line["action"] for line in lines] == ["it.failed", "it.works"]
    assert (lines[-1]["seconds"], lines[-1]["kind"]) == (19, "A")


@pytest.mark.anyio
async def test_a_data_directory_that_takes_no_file_is_logged_once(tmp_path: Path) -> None:
    times = count(0, PAUSE_SECONDS)
    data_dir = DataDir(tmp_path / "data")
    probe = WriteProbe(data_dir, lambda: float(next(times)))  # each reading of the clock is later

    with capture_logs() as lines:
        for _attempt in range(3):
            with pytest.raises(Unavailable):
                await probe.check()
        data_dir.create()
        await probe.check()
        await probe.check()

    assert [line["action"] for line in lines] == ["disk.unwritable", "disk.writable"]


@pytest.mark.anyio
async def test_a_full_place_is_tried_now_and_then_and_only_after_a_refusal() -> None:
    now, tried, full = [0.0], [], DatabaseFull("The disk is full.")

    async def trial() -> None:
        tried.append(now[0])
        if len(tried) == 1:
            raise full

    place = Fullness("database", trial, lambda: now[0])
    await place.check()
    place.note(full)
    for _second in range(int(TRIAL_SECONDS) * 2):
        with pytest.raises(DatabaseFull):
            await place.check()
        now[0] += 1
    await place.check()
    await place.check()

    assert tried == [TRIAL_SECONDS, 2 * TRIAL_SECONDS]
