"""The calls that cross to workers: functions that load the codecs only where they run.

The server process imports this module and never a codec.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagesvc.errors import ImagesvcError
from imagesvc.imaging.limits import Limits
from imagesvc.model import Probe

if TYPE_CHECKING:
    from imagesvc.imaging.render import Rendered, RenderRequest


def probe_file(path: str, limits: Limits) -> Probe:
    """See `imaging.probe.probe`."""
    from imagesvc.imaging.probe import probe  # noqa: PLC0415  # in the worker only

    return probe(path, limits)


def render_file(request: RenderRequest) -> tuple[Rendered | ImagesvcError, ...]:
    """See `imaging.render.render_each`."""
    from imagesvc.imaging.render import render_each  # noqa: PLC0415  # in the worker only

    return render_each(request)
