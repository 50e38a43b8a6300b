"""The ready message of a worker, with the state of its sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from imagesvc.imaging import replies
from imagesvc.imaging.calls import Answer, Call, Plain

MAX_REASON = 200
MAX_ACTS = 20


@dataclass(frozen=True, slots=True)
class Readiness:
    """The layers that a worker could not have, with reasons, and the forbidden acts it may do."""

    missing: Mapping[str, str] = field(default_factory=dict)
    allowed: tuple[str, ...] = ()

    def faults(self) -> str:
        """Both as a text; empty if the worker is locked as it should be."""
        found = [f"no {layer} ({reason})" for layer, reason in self.missing.items()]
        if self.allowed:
            found.append(f"workers can {', '.join(self.allowed)}")
        return "; ".join(found)


def _unpack(plain: Plain, _answer: Answer) -> Readiness:
    found = replies.record(plain)
    return Readiness(
        missing={
            replies.text(layer, MAX_REASON): replies.text(reason, MAX_REASON)
            for layer, reason in replies.record(found["missing"]).items()
        },
        allowed=tuple(
            replies.text(it, MAX_REASON) for it in replies.sequence(found["allowed"], MAX_ACTS)
        ),
    )


READY: Call[Readiness] = Call("ready", lambda it: (asdict(it), b""), _unpack)
"""The first call of each worker, answered once it has loaded and locked itself."""
