"""The handlers of worker calls. Only a worker imports this module, since it loads the codecs."""

from __future__ import annotations

from collections.abc import Mapping

from imagesvc.imaging.analyse import analyse
from imagesvc.imaging.calls import ANALYSE, COPY_WITHOUT, PROBE, RENDER, Handler
from imagesvc.imaging.limits import Limits
from imagesvc.imaging.location.remove import copy_without
from imagesvc.imaging.messages import Files
from imagesvc.imaging.probe import probe
from imagesvc.imaging.render import render_each
from imagesvc.model.images import Probe


def _probe(files: Files, limits: Limits) -> Probe:
    return probe(files.data, limits)


HANDLERS: Mapping[str, Handler] = {
    PROBE.name: PROBE.handled_by(_probe),
    RENDER.name: RENDER.handled_by(render_each),
    ANALYSE.name: ANALYSE.handled_by(analyse),
    COPY_WITHOUT.name: COPY_WITHOUT.handled_by(copy_without),
}
"""By the name of the call."""
