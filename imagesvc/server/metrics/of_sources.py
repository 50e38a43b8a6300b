"""Metrics of watched sources."""

from __future__ import annotations

from imagesvc.api.metrics import Metric
from imagesvc.library.sources.record import FILES, SCANS, ScanRecord
from imagesvc.model.sources import Source
from imagesvc.server.metrics.series import counters, gauge
from imagesvc.store.sources.sources import SourceStore


async def source_metrics(store: SourceStore, record: ScanRecord) -> list[Metric]:
    """Scans since the start, and the state of each source that is watched."""
    sources = await store.enabled()
    failing = [source for source in sources if source.result and source.result.error is not None]
    return [
        *counters("source_scans", "Scans of sources that ended.", "result", record.scans, SCANS),
        *counters("source_files", "Files that scans found.", "result", record.files, FILES),
        gauge("sources_failing", "Sources whose last scan had an error.", len(failing)),
        *(
            gauge(
                "source_last_success_timestamp_seconds",
                "The last scan without an error.",
                seconds,
                {"source": str(source.id)},
            )
            for source in sources
            if (seconds := _succeeded_at(source, record)) is not None
        ),
    ]


def _succeeded_at(source: Source, record: ScanRecord) -> float | None:
    """None if no scan had no error since the start, nor the last one before."""
    if (at := record.succeeded_at.get(source.id)) is not None:
        return at.timestamp()
    result = source.result
    return None if result is None or result.error else result.started_at.timestamp()
