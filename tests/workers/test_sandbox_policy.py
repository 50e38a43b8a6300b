"""The pool's reaction to workers that are partly restricted, or do not start."""

from __future__ import annotations

import pytest

from imagesvc.errors import WorkerDied
from imagesvc.workers.sandbox.lock import LAYERS
from imagesvc.workers.sandbox.policy import Sandbox
from imagesvc.workers.sandbox.readiness import Readiness

WHOLE = Readiness()
PART = Readiness({"landlock": "Function not implemented"}, ("open sockets",))


def test_a_partial_sandbox_is_reported_completely() -> None:
    """Each layer has its reason, and each attempt its result."""
    sandbox = Sandbox("auto")

    sandbox.accept(PART)
    sandbox.settle()

    assert sandbox.faults == ("no landlock (Function not implemented); workers can open sockets")
    assert not sandbox.is_whole


def test_later_workers_are_locked_as_the_first() -> None:
    """A less restricted worker serves nothing, although the setting is `auto`."""
    whole, part = Sandbox("auto"), Sandbox("auto")
    whole.accept(WHOLE)
    part.accept(PART)
    whole.settle()
    part.settle()

    whole.accept(WHOLE)
    part.accept(PART)

    with pytest.raises(WorkerDied, match="not locked as those before it: no landlock"):
        whole.accept(PART)
    assert whole.is_whole
    assert not whole.falls_back(whole.layers, "SIGSYS")


def test_workers_that_die_at_once_get_fewer_layers() -> None:
    """This happens at the second death; many workers that start together take one step, not two."""
    sandbox = Sandbox("auto")
    every = sandbox.layers

    assert sandbox.falls_back(every, "SIGKILL")
    assert sandbox.layers == every
    assert sandbox.falls_back(every, "SIGSYS")
    assert sandbox.falls_back(every, "SIGSYS")
    assert sandbox.falls_back(every, "SIGSYS")

    assert sandbox.layers == tuple(LAYERS)[:-1]
    assert sandbox.faults == "workers do not work with seccomp: SIGSYS"


def test_without_layers_there_is_no_fallback() -> None:
    """A worker that dies then has another reason."""
    sandbox = Sandbox("auto")
    while sandbox.layers:
        assert sandbox.falls_back(sandbox.layers, "SIGSYS")

    assert not sandbox.falls_back((), "SIGSEGV")


def test_strict_accepts_no_partial_sandbox() -> None:
    """This holds at the start and afterwards."""
    sandbox = Sandbox("strict")

    assert not sandbox.falls_back(sandbox.layers, "SIGSYS")
    with pytest.raises(WorkerDied, match="sandbox = strict, but no landlock"):
        sandbox.accept(PART)
