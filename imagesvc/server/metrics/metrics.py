"""The metrics of `/metrics`, collected from the parts of the service."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TypeVar

from imagesvc.api.metrics import Labels, Metric
from imagesvc.cdn.purger import Purger
from imagesvc.model.ids import UserId, utc_now
from imagesvc.service.engine.caches import Caches
from imagesvc.service.engine.workers import Workers
from imagesvc.service.files import Files
from imagesvc.service.outbound import OutboundParts
from imagesvc.service.parts import Parts
from imagesvc.service.stores import Stores
from imagesvc.store.files.data_dir import DataDir

Value = TypeVar("Value", bound=int | str)


async def metrics(
    service: Parts,
    answers: Mapping[int, int],
    streams: Counter[UserId | None],
    refused: Mapping[str, int],
) -> list[Metric]:
    """All metrics.

    Args:
        service: the service.
        answers: requests by status.
        streams: event streams.
        refused: connections by the setting that limits them.
    """
    return [
        *_counters("requests", "Requests answered.", "status", answers),
        *_counters("connections_refused", "Connections refused.", "limit", refused),
        *_refused_requests(service),
        _gauge("event_streams", "Open event streams.", streams.total()),
        *await _outbound(service.outbound, service.stores),
        *await _cdn(service.purger),
        *await _jobs(service.stores),
        *_workers(service.workers),
        *_caches(service.caches),
        *_damage(service.files, service.stores),
        *_disk(service.files.data_dir),
    ]


def _refused_requests(service: Parts) -> list[Metric]:
    by_limit, by_reason = service.rate_limits.refused, service.accounts.logins.refused
    return [
        *_counters("rate_limited", "Requests refused by a rate limit.", "limit", by_limit),
        *_counters("logins_refused", "Logins refused.", "for", by_reason),
    ]


async def _outbound(outbound: OutboundParts, stores: Stores) -> list[Metric]:
    lookups, attempts = outbound.lookups, outbound.dispatcher.attempts
    waiting = await stores.deliveries.count_waiting()
    return [
        _gauge("lookups", "Host names being looked up.", lookups.running),
        _gauge("lookups_stuck", "Look-ups whose waiter has timed out.", lookups.stuck),
        _gauge("webhook_deliveries_waiting", "Deliveries to be sent, or sent again.", waiting),
        *_counters("webhook_attempts", "Deliveries tried.", "status", attempts),
    ]


async def _cdn(purger: Purger | None) -> list[Metric]:
    if purger is None:
        return []
    waiting, record = await purger.queue.waiting(), purger.record
    age = 0.0 if waiting.since is None else (utc_now() - waiting.since).total_seconds()
    return [
        _gauge("cdn_purges_waiting", "Images that the CDN is still to purge.", waiting.count),
        _gauge("cdn_purge_oldest_seconds", "Age of the oldest of them.", max(0.0, age)),
        _counter("cdn_purged", "Images that the CDN has purged.", record.purged),
        *_counters("cdn_requests", "Purge requests to the CDN.", "outcome", record.requests),
    ]


async def _jobs(stores: Stores) -> list[Metric]:
    return [
        _gauge("jobs", "Jobs that have not ended.", count, {"status": status})
        for status, count in (await stores.jobs.count_open()).items()
    ]


def _workers(workers: Workers) -> list[Metric]:
    pool, admission = workers.pool, workers.pool.admission
    return [
        _gauge("renders_running", "Calls in workers.", admission.running),
        _gauge("renders_waiting", "Calls waiting for a worker.", admission.waiting),
        _counter("worker_calls", "Calls made in workers.", pool.calls),
        _counter("workers_ended", "Workers killed or replaced.", pool.killed),
        _gauge("workers_sandboxed", "1 if no layer is missing.", pool.sandbox.is_whole),
    ]


def _caches(caches: Caches) -> list[Metric]:
    memory, disk = caches.memory, caches.disk
    return [
        _counter("memory_hits", "Variants answered from memory.", memory.hits),
        _gauge("memory_bytes", "Bytes of variants in memory.", memory.bytes),
        _gauge("memory_variants", "Variants in memory.", len(memory)),
        _gauge("disk_variant_bytes", "Bytes of variants on disk.", disk.stored_bytes),
        _counter("disk_evicted", "Variants evicted from disk.", disk.evicted),
    ]


def _damage(files: Files, stores: Stores) -> list[Metric]:
    failed = stores.database.failures.count
    return [
        _gauge("blobs_damaged", "Stored files found damaged.", files.verified.damaged),
        _counter("database_failures", "Work that the database failed.", failed),
        _gauge("database_damaged", "Whether damage was found.", stores.database.is_damaged),
    ]


def _disk(data_dir: DataDir) -> list[Metric]:
    """No value if the data directory is missing: 0 would mean a full disk."""
    try:
        free, inodes = data_dir.free_bytes(), data_dir.free_inodes()
    except OSError:
        return []
    found = [_gauge("disk_free_bytes", "Free bytes for data.", free)]
    if inodes is not None:
        found.append(_gauge("disk_free_inodes", "Files that can still be made.", inodes))
    return found


def _counter(name: str, meaning: str, value: float, labels: Labels | None = None) -> Metric:
    return Metric(name, meaning, value, labels or {}, is_counter=True)


def _gauge(name: str, meaning: str, value: float, labels: Labels | None = None) -> Metric:
    return Metric(name, meaning, value, labels or {}, is_counter=False)


def _counters(name: str, meaning: str, label: str, counts: Mapping[Value, int]) -> list[Metric]:
    """A counter for each value of a label."""
    return [
        _counter(name, meaning, count, {label: str(value)})
        for value, count in sorted(counts.items())
    ]
