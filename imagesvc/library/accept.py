"""Accepts a received file as an image: probe, then publish the blob with row and job."""

from __future__ import annotations

import contextlib
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from imagesvc.errors import CorruptImage, UnsupportedMediaType, WorkerDied
from imagesvc.imaging.calls import PROBE
from imagesvc.imaging.cost import check_seconds
from imagesvc.imaging.decoding_cost import decoder_cost
from imagesvc.imaging.limits import Limits
from imagesvc.imaging.transforms.fitting import fitting
from imagesvc.jobs.requests import new_job
from imagesvc.library.expiry import check_expiry
from imagesvc.library.tags import tags_of
from imagesvc.model.formats import Format
from imagesvc.model.ids import BlobName, CollectionId, ImageId, UserId, new_id, utc_now
from imagesvc.model.images import Image, Original, Probe, Visibility
from imagesvc.model.jobs import Job, Priority, Status
from imagesvc.model.transforms import Transform
from imagesvc.model.uploads import IdempotencyRecord, PendingUpload
from imagesvc.store.files.incoming import ReceivedFile
from imagesvc.store.images import ImageStore
from imagesvc.store.publish import Publisher
from imagesvc.store.usage import check_room
from imagesvc.workers.pool import WorkerPool

RecordFor = Callable[[Image], IdempotencyRecord]

MAX_FILENAME = 255


@dataclass(frozen=True, slots=True)
class UploadFields:
    """The metadata of an uploaded file."""

    filename: str = ""
    title: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    visibility: Visibility = Visibility.PUBLIC
    share_location: bool = False
    collection_id: CollectionId | None = None
    collection_title: str = ""
    """Names the owner's collection instead; it is made with the image if there is none."""
    expires_at: datetime | None = None
    owner_id: UserId | None = None
    taken_at: str | None = None
    """The local time of the photograph, for a file whose EXIF has none."""
    place: Mapping[str, float] = field(default_factory=dict)
    """Latitude, longitude and perhaps altitude, for a file whose EXIF has no place."""
    awaits_review: bool = False
    pending: PendingUpload | None = None
    """The presigned upload, which the image uses up."""


@dataclass(frozen=True, slots=True)
class Acceptor:
    """Turns received files into images with a job each."""

    pool: WorkerPool
    images: ImageStore
    publisher: Publisher
    limits: Limits
    eager: Mapping[str, Transform]
    probe_timeout: float
    job_timeout: float
    notify: Callable[[], None]
    clock: Callable[[], datetime] = utc_now

    async def check_room(self, owner_id: UserId | None, size: int) -> None:
        """Check, before it is received, that the owner may keep a file of about `size` bytes.

        Raises:
            QuotaExceeded: the owner may not.
        """
        if owner_id is not None:
            check_room(await self.images.usage(owner_id), size)

    async def accept(
        self, received: ReceivedFile, fields: UploadFields, record_for: RecordFor | None = None
    ) -> Image:
        """Make an image of a received file; on return it survives any crash (invariant 1).

        Args:
            received: the file.
            fields: its metadata.
            record_for: makes the record to be committed with the image.

        Raises:
            Rejected: it is not an accepted image, or expires in the past; nothing is kept.
            QuotaExceeded: the quota of its owner is exceeded; nothing is kept.
            Unavailable: it cannot be accepted now; nothing is kept.
        """
        check_expiry(fields.expires_at, self.clock())
        probe = await self._probe(received, str(fields.owner_id or ""))
        _check_declared(probe, fields.pending)
        image, job = self._image(received, probe, fields)
        first = decoder_cost(image.original, Transform(format=Format.JPEG))
        check_seconds(first, self.job_timeout, "Decoding this image")
        record = None if record_for is None else record_for(image)
        uses_pending = fields.pending is not None

        async def add_rows(name: BlobName) -> BlobName:
            nonlocal image
            image = await self.images.add(
                image.stored_as(name), job, record, uses_pending=uses_pending,
                collection_title=fields.collection_title,
            )  # fmt: skip
            self.notify()
            return image.original.name

        await self.publisher.publish(received, add_rows)
        return image

    async def _probe(self, received: ReceivedFile, requester: str) -> Probe:
        async with self.pool.admit_identification(requester):
            with contextlib.suppress(WorkerDied):  # perhaps for another reason than this file
                return await self._probe_once(received)
            try:
                return await self._probe_once(received)
            except WorkerDied as error:
                raise CorruptImage("The file crashes the decoder.") from error

    async def _probe_once(self, received: ReceivedFile) -> Probe:
        return await self.pool.run(
            PROBE, self.limits, timeout=self.probe_timeout, source=received.path
        )

    def _image(
        self, received: ReceivedFile, probe: Probe, fields: UploadFields
    ) -> tuple[Image, Job]:
        now = self.clock()
        image_id = fields.pending.id if fields.pending else ImageId(new_id())
        original = Original(
            digest=received.digest,
            format=probe.format,
            width=probe.width,
            height=probe.height,
            frames=probe.frames,
            has_alpha=probe.has_alpha,
            decode_bytes=probe.decode_bytes,
            decode_seconds=probe.decode_seconds,
        )
        wanted = fitting(self.eager, original).items()
        job = new_job(image_id, fields.owner_id, wanted, priority=Priority.UPLOAD, now=now)
        filename = safe_filename(fields.filename)
        image = Image(
            id=image_id,
            original=original,
            bytes=received.bytes,
            filename=filename,
            title=fields.title or PurePosixPath(filename).stem,
            description=fields.description,
            tags=tags_of(fields.tags, fields.description),
            visibility=fields.visibility,
            share_location=fields.share_location,
            status=Status.PENDING,
            exif=_dated(probe.exif, fields.taken_at),
            gps=probe.gps or dict(fields.place),
            created_at=now,
            updated_at=now,
            job_id=job.id,
            job_status=Status.PENDING,
            collection_id=fields.collection_id,
            expires_at=fields.expires_at,
            owner_id=fields.owner_id,
            awaits_review=fields.awaits_review,
        )
        return image, job


def _check_declared(probe: Probe, pending: PendingUpload | None) -> None:
    declared = None if pending is None else pending.content_type
    if declared not in {None, probe.format.media_type}:
        raise UnsupportedMediaType(f"The file is {probe.format.media_type}, not {declared}.")


def _dated(exif: dict[str, Any], taken_at: str | None) -> dict[str, Any]:
    return exif if taken_at is None or "taken_at" in exif else {**exif, "taken_at": taken_at}


def safe_filename(name: str) -> str:
    """A name for display and download; no path depends on it.

    Directories, control and format characters and lone surrogates are dropped.
    """
    base = name.replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(char for char in base if not unicodedata.category(char).startswith("C"))
    kept = kept.strip(" .")
    stem, dot, suffix = kept.rpartition(".")
    if dot and len(suffix) < 16:  # noqa: PLR2004  # what passes for an extension
        return f"{stem[: MAX_FILENAME - 1 - len(suffix)]}.{suffix}"
    return kept[:MAX_FILENAME]
