"""How much is stored, for admins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from starlette.responses import Response

from imagesvc.api.schemas import Instant
from imagesvc.auth.principals import Scope
from imagesvc.cdn.purger import Purger
from imagesvc.http.calls import Call
from imagesvc.http.models import Model
from imagesvc.http.operations import operation
from imagesvc.http.requests import json_response
from imagesvc.library.housekeeping.statistics import Overview, Overviews
from imagesvc.store.statistics import counts
from imagesvc.store.statistics.counts import Stored

MAX_ROWS = 1_000


class Amount(Model):
    """A number of things, and their bytes together."""

    count: int
    bytes: int

    @classmethod
    def of(cls, amount: counts.Amount) -> Amount:
        """The representation of an amount."""
        return cls(count=amount.count, bytes=amount.bytes)


class OwnerStorage(Model):
    """What one owner has in one format."""

    owner_id: UUID | None
    """None for images without an owner."""
    owner: str | None
    format: str
    originals: Amount
    """Not those in the trash; images with equal bytes count once each."""
    trash: Amount
    variants: Amount


class FileStorage(Model):
    """The files of the data directory."""

    originals: Amount
    """Images with equal bytes share one file."""
    mezzanines: Amount
    variants: Amount
    database_bytes: int
    free_bytes: int


class CdnState(Model):
    """The purges of the CDN."""

    provider: str | None
    """None if no CDN is configured."""
    waiting: int
    """Images that the CDN is still to purge."""
    waiting_since: Instant | None
    purged: int
    """Images that the CDN has purged since the start."""
    confirmed_at: Instant | None
    error: str | None
    """Of the last request, if it failed."""


class StatisticsOut(Model, title="Statistics"):
    """What the service stores."""

    images: Amount
    """Not those in the trash."""
    trash: Amount
    images_by_status: dict[str, int]
    """By the status of their newest job; with the trash."""
    images_by_visibility: dict[str, int]
    jobs: dict[str, int]
    """How many jobs there are of each status."""
    files: FileStorage
    storage: list[OwnerStorage]
    """By owner and format, the most bytes first; 1,000 rows at most."""
    cdn: CdnState


@dataclass(frozen=True, slots=True)
class StatisticsEndpoints:
    """The operation that counts everything."""

    overviews: Overviews
    purger: Purger | None

    @operation(
        "get_statistics", "GET", "/api/v1/statistics", tag="operation", scope=Scope.ADMIN,
        answers={200: StatisticsOut},
    )  # fmt: skip
    async def show(self, _call: Call[None, None]) -> Response:
        """What is stored: by status, owner and format, with the state of the CDN's purges.

        It reads whole tables, which takes a while where there are millions of images.
        """
        return json_response(statistics_of(await self.overviews.now(), self.purger))


def statistics_of(overview: Overview, purger: Purger | None) -> StatisticsOut:
    """The representation of an overview."""
    found = overview.counts
    return StatisticsOut(
        images=_total(row.originals for row in found.stored),
        trash=_total(row.trash for row in found.stored),
        images_by_status=found.images_by_status,
        images_by_visibility=found.images_by_visibility,
        jobs=found.jobs,
        files=FileStorage(
            originals=Amount.of(found.originals),
            mezzanines=Amount.of(found.mezzanines),
            variants=_total(row.variants for row in found.stored),
            database_bytes=overview.database_bytes,
            free_bytes=overview.free_bytes,
        ),
        storage=[_storage(row) for row in found.stored[:MAX_ROWS]],
        cdn=_cdn(overview, purger),
    )


def _storage(row: Stored) -> OwnerStorage:
    return OwnerStorage(
        owner_id=row.owner_id,
        owner=row.owner,
        format=row.format,
        originals=Amount.of(row.originals),
        trash=Amount.of(row.trash),
        variants=Amount.of(row.variants),
    )


def _total(amounts: Iterable[counts.Amount]) -> Amount:
    return Amount.of(sum(amounts, counts.Amount()))


def _cdn(overview: Overview, purger: Purger | None) -> CdnState:
    record = None if purger is None else purger.record
    return CdnState(
        provider=None if purger is None else purger.provider.name,
        waiting=overview.purges.count,
        waiting_since=overview.purges.since,
        purged=0 if record is None else record.purged,
        confirmed_at=None if record is None else record.confirmed_at,
        error=None if record is None else record.error,
    )
