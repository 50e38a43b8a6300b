"""A variant is planned once for a request or a job, and the plan is passed on."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import httpx2
import pytest

from imagesvc.app.app import create_app
from imagesvc.imaging.mezzanine import mezzanine_size, serves
from imagesvc.imaging.render_cost import render_cost
from imagesvc.imaging.transforms.effective import effective
from imagesvc.imaging.transforms.geometry import plan
from imagesvc.imaging.transforms.transform import canonical
from imagesvc.jobs.calls import MakeTask
from imagesvc.model.ids import ImageId
from imagesvc.model.jobs import Priority, Status
from imagesvc.service.service import Service
from tests.crash.pictures import large
from tests.jobs.service import maker_of, running_service, upload
from tests.waiting import PATIENCE, until_async

pytestmark = pytest.mark.anyio
PLANNING = (effective, plan, serves, render_cost, canonical, mezzanine_size)


@contextlib.contextmanager
def counted() -> Iterator[Counter[str]]:
    """How often each function that plans is called by this thread, the event loop's."""
    names = {it.__code__: it.__name__ for it in PLANNING}
    found: Counter[str] = Counter()

    def note(frame: FrameType, event: str, _arg: object) -> None:
        if event == "call" and frame.f_code in names:
            found[names[frame.f_code]] += 1

    sys.setprofile(note)
    try:
        yield found
    finally:
        sys.setprofile(None)


async def test_a_cold_variant_and_a_job_plan_each_variant_once(tmp_path: Path) -> None:
    """Also where the format is negotiated, and where the job makes the mezzanine first."""
    async with running_service(tmp_path, eager_presets=[]) as service:
        image = await upload(service, large(1, 2600, 1800))
        await until_async(lambda: is_done(service, image.id))
        client = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=create_app(service).asgi),
            base_url="http://127.0.0.1:8000",
        )
        async with client:
            with counted() as request:
                answer = await client.get(f"/images/{image.id}?w=300&format=auto")
        presets = tuple(service.transforms.presets[name] for name in ("thumbnail", "preview"))
        task = MakeTask(image.id, image.original, presets, Priority.UPLOAD, needs_analysis=True)
        with counted() as job:
            made = await maker_of(service).make(task, PATIENCE)

    assert answer.headers["server-timing"].startswith("cache;desc=rendered")
    once = {"effective": 1, "plan": 1, "serves": 1, "render_cost": 1, "canonical": 1}
    assert request == once
    assert len(made.outcomes) == 2
    assert job == dict.fromkeys(once, 2) | {"mezzanine_size": 1}


async def is_done(service: Service, image_id: ImageId) -> bool:
    """Whether the job of an upload has succeeded."""
    return (await service.stores.images.get(image_id)).job_status is Status.SUCCEEDED
