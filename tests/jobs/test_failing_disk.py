"""Jobs that meet an error of the disk, or of one file on it."""

from __future__ import annotations

import errno
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest

from imagesvc.jobs.calls import MakeTask
from imagesvc.jobs.execution import Execution
from imagesvc.jobs.limits import RunnerLimits
from imagesvc.jobs.maker import Made, Maker
from imagesvc.model.jobs import Status
from imagesvc.store.db.database import Database
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.write_probe import WriteProbe
from imagesvc.store.images import ImageStore
from imagesvc.store.jobs.jobs import JobStore
from tests.store.rows import NOON, image_and_job

LIMITS = RunnerLimits(concurrency=1, job_timeout=60, max_attempts=1, retry_delay=1.0)


def maker_that_meets(number: int) -> Maker:
    """A maker whose attempts end with an error of the system."""

    class Unlucky(Maker):
        def __init__(self) -> None:
            """Have no parts."""

        async def make(self, task: MakeTask, timeout: float) -> Made:
            del task, timeout
            raise OSError(number, "as the system says it")

    return Unlucky()


@pytest.mark.anyio
@pytest.mark.parametrize("number", [errno.EIO, errno.EROFS])
@pytest.mark.parametrize("fails_as_a_whole", [True, False])
async def test_an_attempt_is_counted_if_only_one_file_cannot_be_used(
    database: Database, tmp_path: Path, number: int, *, fails_as_a_whole: bool
) -> None:
    """A job with a bad original ends; a disk that takes no files lets all of them wait."""
    image, job = image_and_job()
    await ImageStore(database).add(image, job)
    data_dir, queue = DataDir(tmp_path / "data"), JobStore(database)
    data_dir.create()
    probe = WriteProbe(data_dir)
    await probe.check()  # a moment ago, all was well
    if fails_as_a_whole:
        data_dir.tmp.rmdir()
    execution = Execution(queue, maker_that_meets(number), LIMITS, partial(probe.check, now=True))
    taken = await queue.take(job.id, uuid4(), now=NOON)
    assert taken is not None

    await execution.run(taken)

    after = await queue.get(job.id)
    if fails_as_a_whole:
        assert (after.status, after.attempts) == (Status.PENDING, 0)
        assert execution.space.seconds_left
    else:
        assert (after.status, after.attempts) == (Status.FAILED, 1)
        assert not execution.space.seconds_left
