"""The times of the stages of a rendering.

libvips evaluates a whole pipeline at once, when its end is written. To measure the stages
separately, the picture between two of them is evaluated into memory. This is done only for small
pictures: it costs the cheapest renderings a few percent at most.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from imagesvc.imaging.codecs.vips import MAX_HELD_PIXELS, Picture

RENDER = "render"


@dataclass(slots=True)
class Stages:
    """Seconds by stage; a stage that is not separated counts for the next one.

    Args:
        since: when the first stage began, by `time.perf_counter`.
    """

    since: float
    seconds: dict[str, float] = field(default_factory=dict)
    _is_apart: bool = True
    _held: Picture | None = None

    def evaluated(self, stage: str, picture: Picture) -> Picture:
        """End a stage with its picture in memory; a large picture is unchanged."""
        self._is_apart = self._is_apart and picture.width * picture.height <= MAX_HELD_PIXELS
        if not self._is_apart or picture is self._held:
            return picture
        self._held = picture.copy_memory()
        self.end(stage)
        return self._held

    def finish(self, stage: str) -> dict[str, float]:
        """End the last stage, or the whole if stages were not separated."""
        if self._is_apart:
            self.end(stage)
            return self.seconds
        return {RENDER: sum(self.seconds.values()) + time.perf_counter() - self.since}

    def end(self, stage: str) -> None:
        """End a stage whose picture is in memory."""
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self.since
        self.since = now
