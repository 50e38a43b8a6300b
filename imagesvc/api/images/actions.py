"""Actions on several images at once: delete them, or make variants of them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Self

from pydantic import Field, model_validator
from starlette.responses import Response

from imagesvc.api.images.named import check_not_in_trash, named_images
from imagesvc.api.schemas import JobOut, PresetPlaces
from imagesvc.api.transforms import OperationIn, for_each_operation, read_operations
from imagesvc.auth.permissions import check_may_change, owns
from imagesvc.auth.principals import Principal, Scope
from imagesvc.cache.variants import VariantCache
from imagesvc.errors import (
    Conflict,
    Forbidden,
    IdempotencyKeyReused,
    ImagesvcError,
    ImageTooLarge,
    InvalidTransform,
    NotFound,
    TooCostly,
    UnsupportedMediaType,
)
from imagesvc.http.bodies.json_bodies import Json
from imagesvc.http.calls import Call
from imagesvc.http.idempotency import Attempt, done_once
from imagesvc.http.models import Model, Sent
from imagesvc.http.operations import operation
from imagesvc.http.problems import problem
from imagesvc.http.requests import json_response
from imagesvc.imaging.cost import Cost, check_seconds, together
from imagesvc.imaging.transforms.fitting import fitting
from imagesvc.jobs.requests import NamedTransform, new_job
from imagesvc.library.remove import Removal
from imagesvc.model.ids import ImageId, parse_id, utc_now
from imagesvc.model.images import Image
from imagesvc.model.jobs import Job, Priority
from imagesvc.model.transforms import Transform
from imagesvc.store.images import ImageStore
from imagesvc.store.jobs.jobs import JobStore
from imagesvc.store.pending_uploads import PendingUploadStore

ACTIONS = "/api/v1/images/actions"
MAX_IMAGES = 100
MAX_OPERATIONS = 20
Ids = Annotated[list[str], Field(min_length=1, max_length=MAX_IMAGES)]


class DeleteIn(Sent, title="DeleteRequest"):
    """The images to delete."""

    ids: Ids


class DeleteEntry(Model):
    """The result for one image."""

    id: str
    status: int
    problem: dict[str, Any] | None = None


class DeleteResults(Model):
    """The result for each image, in order."""

    data: list[DeleteEntry]


class ProcessIn(Sent, title="ProcessRequest"):
    """The images and the variants to make of them."""

    id: str | None = None
    """One image, or `ids`."""
    ids: Ids | None = None
    operations: (
        Annotated[list[OperationIn], Field(min_length=1, max_length=MAX_OPERATIONS)] | None
    ) = None
    """The eager presets when absent."""

    @model_validator(mode="after")
    def _names_images_once(self) -> Self:
        if (self.id is None) == (self.ids is None):
            raise ValueError("must have either id or ids")
        return self

    @property
    def names(self) -> dict[str, str]:
        """The ids by their position in the body."""
        if self.id is not None:
            return {"id": self.id}
        return {f"ids.{position}": name for position, name in enumerate(self.ids or ())}


class JobsOut(Model, title="Jobs"):
    """A job for each image, in order."""

    data: list[JobOut]


@dataclass(frozen=True, slots=True)
class ActionEndpoints:
    """The actions on images; the fields are their dependencies."""

    images: ImageStore
    removal: Removal
    queue: JobStore
    notify: Callable[[], None]
    """Notifies the runner of a due job."""
    variants: VariantCache
    presets: Mapping[str, Transform]
    places: PresetPlaces
    eager: Mapping[str, Transform]
    pending_uploads: PendingUploadStore
    job_timeout: float
    clock: Callable[[], datetime] = utc_now

    @operation(
        "delete_images", "POST", f"{ACTIONS}/delete", tag="images", scope=Scope.MANAGE,
        body=Json(DeleteIn), answers={207: DeleteResults}, errors=(UnsupportedMediaType,),
    )  # fmt: skip
    async def delete(self, call: Call[None, DeleteIn]) -> Response:
        """Delete images independently; the response has an entry with the result for each."""
        data = [await self._deleted(name, call.requester) for name in call.body.ids]
        return json_response(DeleteResults(data=data), 207)

    async def _deleted(self, name: str, requester: Principal) -> DeleteEntry:
        try:
            image = await self.images.get(ImageId(parse_id(name)))
            check_may_change(requester, image)
            await self.removal.remove(image.id)
        except ImagesvcError as error:
            return DeleteEntry(id=name, status=error.status, problem=problem(error))
        return DeleteEntry(id=name, status=204)

    @operation(
        "process_images", "POST", f"{ACTIONS}/process", tag="images", scope=Scope.MANAGE,
        body=Json(ProcessIn), answers={202: JobsOut}, is_idempotent=True,
        errors=(
            NotFound, Forbidden, Conflict, InvalidTransform, ImageTooLarge, TooCostly,
            UnsupportedMediaType, IdempotencyKeyReused,
        ),
    )  # fmt: skip
    async def process(self, call: Call[None, ProcessIn]) -> Response:
        """Make variants of images: a job for each image, in order, or none at all.

        The job of a single image has the priority of the jobs of uploads; the jobs of several
        images are done after all others. Each is then the newest job of its image, which the
        image's status describes.
        """
        parts = [call.body.model_dump_json()]
        return await done_once(call.attempt, parts, partial(self._process, call))

    async def _process(self, call: Call[None, ProcessIn], attempt: Attempt | None) -> Response:
        now = self.clock()
        jobs = await self._jobs(call, now)
        shown = [JobOut.of(job, self.places, base=call.base) for job in jobs]
        answer = json_response(JobsOut(data=shown), 202)
        record = None if attempt is None else attempt.record(answer)
        await self.queue.add(jobs, now=now, record=record)
        self.notify()
        return answer

    async def _jobs(self, call: Call[None, ProcessIn], now: datetime) -> list[Job]:
        """The jobs of a request.

        Raises:
            NotFound, Forbidden, Conflict: it names images that the requester may not change.
            InvalidTransform, ImageTooLarge, TooCostly: an operation cannot be made of an image.
        """
        operations, names = call.body.operations, call.body.names
        wanted = None if operations is None else read_operations(operations, self.presets)
        try:
            images = await named_images(self.images, names, call.requester)
        except NotFound as error:
            await self._check_no_slots(names, error, call.requester)
            raise
        for image in images:
            check_may_change(call.requester, image)
        check_not_in_trash(names, images)
        requested = [(image, self._requested_variants(image, wanted)) for image in images]
        for image, those in requested:
            self._check(image, those)
        priority = Priority.UPLOAD if len(images) == 1 else Priority.BACKFILL
        return [
            new_job(it.id, it.owner_id, those, priority=priority, now=now)
            for it, those in requested
        ]

    async def _check_no_slots(
        self, names: Mapping[str, str], missing: NotFound, requester: Principal
    ) -> None:
        """Explain ids that are missing because their file has not been uploaded yet.

        Raises:
            Conflict: one of them belongs to an upload URL that has not been used yet.
        """
        for place, _message in missing.fields:
            with contextlib.suppress(NotFound):
                pending = await self.pending_uploads.find(ImageId(parse_id(names[place])))
                if pending is not None and owns(requester, pending.owner_id):
                    message = "belongs to an upload URL that has not been used yet"
                    raise Conflict(f"{place} {message}.", ((place, message),))

    def _requested_variants(
        self, image: Image, wanted: list[NamedTransform] | None
    ) -> list[NamedTransform]:
        """The variants to make of an image: the requested ones, or its eager presets."""
        return list(fitting(self.eager, image.original).items()) if wanted is None else wanted

    def _check(self, image: Image, wanted: list[NamedTransform]) -> None:
        """Refuse valid operations that cannot be made of the image.

        Raises:
            InvalidTransform: there is no such frame or watermark, or `crop` is outside the image.
            ImageTooLarge: an output is too large, or takes too much memory.
            TooCostly: an operation, or all together, would be stopped at the time limit.
        """
        costs = for_each_operation(wanted, partial(self._cost, image))
        for position, cost in enumerate(costs):
            check_seconds(cost, self.job_timeout, f"operations.{position}")
        check_seconds(together(costs), self.job_timeout, "These operations together")

    def _cost(self, image: Image, wanted: NamedTransform) -> Cost:
        identified = self.variants.identities.identify(image.id, image.original, wanted[1])
        identified.plan.check(self.variants.renderer.limits)
        return identified.plan.cost
