"""The metrics of `/metrics`, collected from the parts of the service."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from imagesvc.api.metrics import Labels, Metric
from imagesvc.model.ids import UserId
from imagesvc.service.service import Service
from imagesvc.store.files.data_dir import DataDir


async def metrics(
    service: Service,
    answers: Mapping[int, int],
    streams: Counter[UserId | None],
    refused: Mapping[str, int],
) -> list[Metric]:
    """All metrics.

    Args: service: the service.
        answers: requests by status.
        streams: event streams.
        refused: connections by the setting that limits them.
    """
    jobs = await service.stores.jobs.count_open()
    admission = service.workers.pool.admission
    return [
        *(
            _counter("requests", "Requests answered.", count, {"status": str(status)})
            for status, count in sorted(answers.items())
        ),
        *(
            _counter("connections_refused", "Connections refused.", count, {"limit": limit})
            for limit, count in sorted(refused.items())
        ),
        *(
            _counter("rate_limited", "Requests refused by a rate limit.", count, {"limit": limit})
            for limit, count in sorted(service.rate_limits.refused.items())
        ),
        *(
            _counter("logins_refused", "Logins refused.", count, {"for": reason})
            for reason, count in sorted(service.accounts.sessions.refused.items())
        ),
        _gauge("event_streams", "Open event streams.", streams.total()),
        _gauge("lookups", "Host names being looked up.", service.outbound.lookups.running),
        _gauge(
            "lookups_stuck", "Look-ups whose waiter has timed out.", service.outbound.lookups.stuck
        ),
        _gauge(
            "webhook_deliveries_waiting",
            "Deliveries to be sent, or sent again.",
            await service.stores.deliveries.count_waiting(),
        ),
        *(
            _counter("webhook_attempts", "Deliveries tried.", count, {"status": status})
            for status, count in sorted(service.outbound.dispatcher.attempts.items())
        ),
        *(
            _gauge("jobs", "Jobs that have not ended.", count, {"status": status})
            for status, count in jobs.items()
        ),
        _gauge("renders_running", "Calls in workers.", admission.running),
        _gauge("renders_waiting", "Calls waiting for a worker.", admission.waiting),
        _counter("worker_calls", "Calls made in workers.", service.workers.pool.calls),
        _counter("workers_ended", "Workers killed or replaced.", service.workers.pool.killed),
        _gauge(
            "workers_sandboxed", "1 if no layer is missing.", service.workers.pool.sandbox.is_whole
        ),
        _counter("memory_hits", "Variants answered from memory.", service.caches.memory.hits),
        _gauge("memory_bytes", "Bytes of variants in memory.", service.caches.memory.bytes),
        _gauge("memory_variants", "Variants in memory.", len(service.caches.memory)),
        _gauge(
            "disk_variant_bytes", "Bytes of variants on disk.", service.caches.disk.stored_bytes
        ),
        _counter("disk_evicted", "Variants evicted from disk.", service.caches.disk.evicted),
        _gauge("blobs_damaged", "Stored files found damaged.", service.files.verified.damaged),
        _gauge("database_damaged", "Whether damage was found.", service.stores.database.is_damaged),
        *_disk(service.files.data_dir),
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
