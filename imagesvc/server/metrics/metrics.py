"""The metrics of `/metrics`, collected from the parts of the service."""

from __future__ import annotations

import asyncio
import platform
from collections import Counter
from importlib.metadata import version

from imagesvc.api.metrics import Metric
from imagesvc.auth.rates.limits import RENDER, Limit
from imagesvc.cdn.purger import Purger
from imagesvc.model.ids import UserId, utc_now
from imagesvc.server.metrics.loop_lag import LoopLag
from imagesvc.server.metrics.of_requests import request_metrics
from imagesvc.server.metrics.of_sources import source_metrics
from imagesvc.server.metrics.of_storage import storage_metrics, writable_metric
from imagesvc.server.metrics.of_work import job_metrics, worker_metrics
from imagesvc.server.metrics.requests import RequestFigures
from imagesvc.server.metrics.series import counter, counters, gauge, histogram
from imagesvc.service.engine.caches import Caches
from imagesvc.service.outbound import OutboundParts
from imagesvc.service.parts import Parts
from imagesvc.service.stores import Stores
from imagesvc.settings.settings import Settings
from imagesvc.store.webhooks.deliveries import DeliveryStatus

_BUILD = {"version": version("imagesvc"), "python": platform.python_version()}


async def metrics(
    service: Parts, requests: RequestFigures, streams: Counter[UserId | None], lag: LoopLag
) -> list[Metric]:
    """All metrics.

    Args:
        service: the service.
        requests: figures of requests.
        streams: event streams.
        lag: that of the event loop.
    """
    stores = service.stores
    return [
        build_metric(service.settings),
        *request_metrics(requests),
        *_refused_requests(service),
        gauge("event_streams", "Open event streams.", streams.total()),
        histogram("event_loop_lag_seconds", "How late timers of the loop are.", lag.seconds),
        *await _outbound(service.outbound, stores),
        *await _cdn(service.purger),
        *await job_metrics(stores.jobs, service.runner.results, utc_now()),
        *worker_metrics(service.workers, service.settings.workers),
        *await source_metrics(stores.sources, service.sources.watcher.record),
        *_caches(service.caches),
        *_damage(service),
        *_clock(service),
        await writable_metric(service.files.write_probe),
        *await asyncio.to_thread(storage_metrics, service.files.data_dir, service.settings),
    ]


def build_metric(settings: Settings) -> Metric:
    """What runs, and where."""
    labels = {**_BUILD, "node": settings.node_name}
    return gauge("build_info", "The version that runs; always 1.", 1, labels)


def _refused_requests(service: Parts) -> list[Metric]:
    by_limit, by_reason = service.rate_limits.refused, service.accounts.logins.refused
    return [
        *counters("rate_limited", "Refused by a rate limit.", "limit", by_limit, (*Limit, RENDER)),
        *counters("logins_refused", "Logins refused.", "for", by_reason),
    ]


async def _outbound(outbound: OutboundParts, stores: Stores) -> list[Metric]:
    lookups, attempts = outbound.lookups, outbound.dispatcher.attempts
    waiting = await stores.deliveries.count_waiting()
    known = tuple(DeliveryStatus)
    return [
        gauge("lookups", "Host names being looked up.", lookups.running),
        gauge("lookups_stuck", "Look-ups whose waiter has timed out.", lookups.stuck),
        gauge("webhook_deliveries_waiting", "Deliveries to be sent, or sent again.", waiting),
        *counters("webhook_attempts", "Deliveries tried.", "status", attempts, known),
    ]


async def _cdn(purger: Purger | None) -> list[Metric]:
    if purger is None:
        return []
    waiting, record = await purger.queue.waiting(), purger.record
    age = 0.0 if waiting.since is None else (utc_now() - waiting.since).total_seconds()
    return [
        gauge("cdn_purges_waiting", "Images that the CDN is still to purge.", waiting.count),
        gauge("cdn_purge_oldest_seconds", "Age of the oldest of them.", max(0.0, age)),
        counter("cdn_purged", "Images that the CDN has purged.", record.purged),
        *counters("cdn_requests", "Purge requests to the CDN.", "outcome", record.requests),
    ]


def _caches(caches: Caches) -> list[Metric]:
    memory, disk = caches.memory, caches.disk
    return [
        counter("memory_hits", "Variants answered from memory.", memory.hits),
        gauge("memory_bytes", "Bytes of variants in memory.", memory.bytes),
        gauge("memory_variants", "Variants in memory.", len(memory)),
        gauge("disk_variant_bytes", "Bytes of variants on disk.", disk.stored_bytes),
        counter("disk_evicted", "Variants evicted from disk.", disk.evicted),
    ]


def _damage(service: Parts) -> list[Metric]:
    database = service.stores.database
    return [
        gauge("blobs_damaged", "Stored files found damaged.", service.files.verified.damaged),
        counter("database_failures", "Work that the database failed.", database.failures.count),
        gauge("database_damaged", "Whether damage was found.", database.is_damaged),
    ]


def _clock(service: Parts) -> list[Metric]:
    is_behind, clock = service.clock_watch.newest is not None, service.due_images.clock
    return [
        gauge("clock_behind", "Whether the clock is before the newest stored time.", is_behind),
        gauge("deletions_held", "Whether the clock has jumped forward.", clock.is_held),
    ]
