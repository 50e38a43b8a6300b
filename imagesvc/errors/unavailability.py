"""What the service cannot do now, although the request is right."""

from __future__ import annotations

from http import HTTPStatus

from .roots import Unavailable


class Overloaded(Unavailable):
    """The bounded queue is full, or the service is stopping."""

    title = "Overloaded"


class WorkerDied(Unavailable):
    """A worker process ended during the call: out of memory, killed, or crashed."""

    code = "worker_died"
    title = "Worker died"


class TimedOut(Unavailable):
    """The work took longer than its time limit and was stopped."""

    code = "timed_out"
    title = "Timed out"


class DiskUnavailable(Unavailable):
    """The disk of the data directory takes no files: it fails, or became read-only."""


class DatabaseUnavailable(Unavailable):
    """The database cannot be reached, does not answer, or only reads."""


class OutcomeUnknown(DatabaseUnavailable):
    """The database was lost while it committed: the change was made whole, or not at all."""


class DatabaseDamaged(Unavailable):
    """The metadata database is damaged, and an operator has to repair it."""

    code = "database_damaged"
    title = "Database damaged"


class OriginalDamaged(Unavailable):
    """A stored file whose bytes have changed; uploading the image again repairs it."""

    code = "original_damaged"
    title = "Original damaged"


class BucketUnavailable(Unavailable):
    """A bucket cannot be reached, refuses this service, or fails."""


class BucketForbids(BucketUnavailable):
    """The credentials do not permit this in a bucket that otherwise works."""


class OriginalsOfAnother(Unavailable):
    """Originals that are not those of this installation, which would remove them."""


class BucketTooOpen(Unavailable):
    """A bucket whose upload URLs would permit more than an upload."""


class InsufficientStorage(Unavailable):
    """The disk is full, or below the floor of free space."""

    status = HTTPStatus.INSUFFICIENT_STORAGE
    code = "insufficient_storage"
    title = "Insufficient storage"


class ElsewhereFull(InsufficientStorage):
    """What is full is not the disk of the data directory; the message says what it is."""


class BucketFull(ElsewhereFull):
    """A bucket takes no more, or its quota is used up."""


class DatabaseFull(ElsewhereFull):
    """The disk of PostgreSQL is full."""
