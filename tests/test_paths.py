"""How often a request enters a module: data flows one way, with little back and forth."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from types import CodeType, FrameType

import httpx2
import pytest

import imagesvc
from imagesvc.app.app import create_app
from imagesvc.model.jobs import Status
from tests.crash.pictures import large
from tests.jobs.service import running_service, upload
from tests.waiting import until_async

pytestmark = pytest.mark.anyio
REQUEST: ContextVar[Entries] = ContextVar("REQUEST")
ROOT = f"{Path(imagesvc.__file__).parent}/"


class Entries:
    """Functions that this thread, the event loop's, calls from other modules."""

    def __init__(self) -> None:
        self._calls: set[tuple[CodeType, str, str | None]] = set()

    def note(self, frame: FrameType, event: str, _arg: object) -> None:
        """Note a call for the request; pieces of a body, and coroutines that continue, count once.

        Tasks have the context of the request that starts them; jobs have another.
        """
        is_of_request = event == "call" and REQUEST.get(None) is self
        if is_of_request and (module := _module(frame)) is not None:
            self._calls.add((frame.f_code, module, _caller(frame)))

    @property
    def of_callers(self) -> dict[str, int]:
        """How often each module was entered that calls others: those that call none are tools."""
        entered = [(module, caller) for _, module, caller in self._calls]
        callers = {caller for module, caller in entered if caller != module}
        counted = Counter(module for module, caller in entered if caller not in {module, None})
        return {module: count for module, count in counted.items() if module in callers}


def _module(frame: FrameType) -> str | None:
    path = frame.f_code.co_filename
    return path.removeprefix(ROOT) if path.startswith(ROOT) else None


def _caller(frame: FrameType) -> str | None:
    """The module of this package that called a frame, directly or through libraries."""
    back = frame.f_back
    while back is not None and _module(back) is None:
        back = back.f_back
    return None if back is None else _module(back)


@contextlib.contextmanager
def traced() -> Iterator[Entries]:
    """The entries while the context lasts."""
    entries = Entries()
    REQUEST.set(entries)
    sys.setprofile(entries.note)
    try:
        yield entries
    finally:
        sys.setprofile(None)


async def test_a_request_enters_few_modules_more_than_twice(tmp_path: Path) -> None:
    """None more than three times for a variant: it is asked, then does its work, then is told.

    An upload also reads the form around its file. What counts the bytes of both directions, the
    access log, is entered by the request, by each piece of its body, and by the response.
    """
    async with running_service(tmp_path, eager_presets=[]) as service:
        image = await upload(service, large(1, 2600, 1800))

        async def is_done() -> bool:
            return (await service.stores.images.get(image.id)).job_status is Status.SUCCEEDED

        await until_async(is_done)
        client = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=create_app(service).asgi),
            base_url="http://127.0.0.1:8000",
        )
        async with client:
            await client.get(f"/images/{image.id}?w=300")  # what is made at first use is made
            with traced() as variant:
                shown = await client.get(f"/images/{image.id}?w=400")
            file = {"file": ("photo.jpg", large(2, 1000, 800))}
            with traced() as uploading:
                uploaded = await client.post("/api/v1/images", files=file)

    assert shown.headers["server-timing"].startswith("cache;desc=rendered")
    assert uploaded.status_code == 201
    of_variant, of_upload = variant.of_callers, uploading.of_callers
    assert len(of_variant) > 20
    assert {it: count for it, count in of_variant.items() if count > 3} == {}
    assert len(of_upload) > 20
    assert {it: count for it, count in of_upload.items() if count > 4} == {}
    assert sum(count > 2 for count in of_variant.values()) <= 6
    assert sum(count > 2 for count in of_upload.values()) <= 7
