"""imagesvc beside one peer after the other, on the same pictures."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import pyvips

from benchmarks import client, plan
from benchmarks.peers.servers import Peer
from benchmarks.report import Bench, Row, at_least, take_turns
from benchmarks.servers import CORES
from benchmarks.subjects import Subject

_CONNECTIONS = 4 * len(CORES)


class UnlikeError(RuntimeError):
    """Both sides make different things of the same picture, or one of them makes nothing."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The same variants as requests for both sides."""

    ours: tuple[plan.Request, ...]
    peers: tuple[plan.Request, ...]


class Field:
    """imagesvc at a port, with every picture uploaded."""

    def __init__(self, bench: Bench, port: int, subjects: Sequence[Subject]) -> None:
        self.bench = bench
        self.port = port
        self.subjects = subjects
        self.images = {
            photo: client.upload(port, photo)  # waits for its job, and so its mezzanine
            for photo in {subject.photo for subject in subjects}
        }

    def measure(self, peer: Peer) -> list[Row]:
        """A row for each subject of which both sides make the same; else the reason is printed."""
        found = []
        for subject in self.subjects:
            try:
                found.append(self._row(peer, subject))
            except UnlikeError as error:
                print(f"{subject.what} / {peer.version} is left out: {error}", file=sys.stderr)
        return found

    def _row(self, peer: Peer, subject: Subject) -> Row:
        self._check_alike(peer, subject)
        rounds = self.bench.rounds
        batches = [self._batch(peer, subject, subject.count) for _ in range(rounds + 1)]

        def ours(number: int) -> float:
            return client.cold_rate(self.port, batches[number].ours, _CONNECTIONS)

        def theirs(number: int) -> float:
            first, *rest = peer.ports
            load = plan.Plan(first, batches[number].peers, _CONNECTIONS, more_ports=tuple(rest))
            return client.run(load).expect(200).rate

        ours(rounds)  # both warm
        theirs(rounds)
        turns = take_turns(rounds, theirs, ours)
        return at_least(f"{subject.what} / {peer.version}", subject.target, turns, "variants/s")

    def _batch(self, peer: Peer, subject: Subject, count: int) -> Batch:
        """The next variants, which come once for all peers together."""
        renders = subject.variants.take(count)
        image = self.images[subject.photo]
        return Batch(
            tuple(plan.get(subject.path(image, render)) for render in renders),
            tuple(plan.get(peer.path(render)) for render in renders),
        )

    def _check_alike(self, peer: Peer, subject: Subject) -> None:
        """Compare format, size and frames of one variant, give or take a pixel.

        Raises:
            UnlikeError: they differ, so the figures would compare different work.
        """
        (example,) = subject.variants.take(1)
        if not peer.takes(example):
            raise UnlikeError("the peer has no such variants")
        path = subject.path(self.images[subject.photo], example)
        ours = _described(self.port, path)
        theirs = _described(peer.ports[0], peer.path(example))
        if not ours.is_like(theirs):
            raise UnlikeError(f"it answers {theirs} where imagesvc answers {ours}")


@dataclass(frozen=True, slots=True)
class _Made:
    loader: str
    width: int
    height: int
    frames: int

    def is_like(self, other: _Made) -> bool:
        sizes = ((self.width, other.width), (self.height, other.height))
        return (
            self.loader == other.loader
            and self.frames == other.frames
            and all(abs(mine - theirs) <= 1 for mine, theirs in sizes)
        )

    def __str__(self) -> str:
        kind = self.loader.removesuffix("load_buffer")
        return f"{kind} of {self.width} x {self.height} px with {self.frames} frames"


def _described(port: int, path: str) -> _Made:
    answer = client.ask(port, path)
    if answer.status != 200:
        raise UnlikeError(f"{path} is answered {answer.status} {answer.body[:200]!r}")
    image = pyvips.Image.new_from_buffer(answer.body, "")
    frames = image.get("n-pages") if image.get_typeof("n-pages") else 1
    return _Made(str(image.get("vips-loader")), image.width, image.height, frames)
