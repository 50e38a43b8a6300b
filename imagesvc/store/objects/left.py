"""Objects that stay in a bucket although their rows are gone, since it does not remove them now."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from imagesvc.errors import BucketUnavailable
from imagesvc.outages.outage import Outage


def _outage() -> Outage:
    return Outage(
        "objects without rows stay in the bucket", "bucket.objects_left",
        "objects are removed from the bucket again", "bucket.objects_removed",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class LeftObjects:
    """Lets a deletion succeed whose rows are gone: the collection of orphans removes the rest."""

    _outage: Outage = field(default_factory=_outage)

    @contextlib.contextmanager
    def left(self) -> Iterator[None]:
        """Report a bucket that does not remove objects, and go on."""
        try:
            yield
        except BucketUnavailable as error:
            self._outage.failed(error=error.detail)
        else:
            self._outage.passed()
