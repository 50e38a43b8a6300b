"""What scans of sources have found since the start, for metrics."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from imagesvc.model.ids import SourceId
from imagesvc.model.sources import ScanResult

COMPLETE, ERROR = "complete", "error"
SCANS = (COMPLETE, ERROR)
FILES = ("added", "known", "changed", "renamed", "vanished", "waiting", "failed")
"""What is done with files; each is a field of the result of a scan."""


@dataclass(frozen=True, slots=True)
class ScanRecord:
    """Counts of scans and of their files, and when each source was last scanned without error."""

    scans: Counter[str] = field(default_factory=Counter)
    files: Counter[str] = field(default_factory=Counter)
    succeeded_at: dict[SourceId, datetime] = field(default_factory=dict)

    def add(self, source_id: SourceId, result: ScanResult) -> None:
        """Count a scan that has ended."""
        self.scans[COMPLETE if result.error is None else ERROR] += 1
        self.files.update({name: getattr(result, name) for name in FILES})
        if result.error is None:
            self.succeeded_at[source_id] = result.started_at

    def forget(self, source_id: SourceId) -> None:
        """Forget a source that is deleted."""
        self.succeeded_at.pop(source_id, None)
