"""The command: install the peers that can be had, and measure imagesvc against each in turns."""

from __future__ import annotations

import argparse
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyvips

from benchmarks import client, photos, plan
from benchmarks.limits import Render
from benchmarks.peers.installed import NotInstalled
from benchmarks.peers.servers import Ipx, Peer, Thumbor
from benchmarks.report import Bench, Row, at_least, table, take_turns
from benchmarks.rows.cold import Subject
from benchmarks.servers import CORES, ImageService
from benchmarks.variants import Variants

PEERS: Mapping[str, Callable[[Path, Path, Path], Peer]] = {"ipx": Ipx, "thumbor": Thumbor}
_CONNECTIONS = 4 * len(CORES)


def main() -> int:
    """Measure and print; 1 when a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("peers", nargs="*", metavar="PEER", help=f"of {', '.join(PEERS)}")
    parser.add_argument("--quick", action="store_true", help="few rounds: does it run at all?")
    parser.add_argument("--folder", type=Path, help="where the temporary folder is made")
    parser.add_argument("--cache", type=Path, help="keep the installed peers in this folder")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.peers if name not in PEERS]
    if unknown:
        parser.error(f"no such peer: {', '.join(unknown)}; there are {', '.join(PEERS)}")

    found: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="imagesvc-peers-", dir=arguments.folder) as name:
        folder = Path(name)
        bench = Bench(folder, photos.gather(folder), arguments.quick)
        cache = (arguments.cache or folder / "installed").absolute()
        with ImageService(bench.fresh("imagesvc")) as service:
            field = Field(bench, service, subjects(bench))
            for peer in arguments.peers or PEERS:
                installed_in = cache / peer
                installed_in.mkdir(parents=True, exist_ok=True)
                try:
                    running = PEERS[peer](installed_in, field.pictures, bench.fresh(peer))
                except NotInstalled as error:
                    print(f"{peer} is left out: {error}", file=sys.stderr)
                    continue
                with running:
                    found += field.measure(running)
    print(f"Python {platform.python_version()}, {len(CORES)} cores, {platform.machine()}\n")
    print(table(found))
    return 0 if all(row.passed for row in found) else 1


def subjects(bench: Bench) -> tuple[Subject, ...]:
    """What is compared: large originals with and without their mezzanine, and a small one.

    The targets: never behind where libvips does the work, ahead where the server around it
    shows, and far ahead where there is a mezzanine.
    """
    pictures = bench.fresh("pictures")
    large = Path(shutil.copyfile(bench.photos.large, pictures / "large.jpg"))
    small = Path(shutil.copyfile(bench.photos.small, pictures / "small.jpg"))
    png = photos.write_png(bench.photos.detailed, pictures / "large.png")
    webp = "&format=webp"
    return (
        Subject("16 MP JPEG → 400 px, exact", large, 60, 1.00, "&exact=1"),
        Subject("16 MP JPEG → 400 px, mezzanine", large, 60, 4.00),
        Subject("0.75 MP JPEG → 400 px", small, 150, 1.20),
        Subject("8 MP PNG → 400 px WebP, exact", png, 16, 1.00, f"&exact=1{webp}", suffix=".webp"),
        Subject("8 MP PNG → 400 px WebP, mezzanine", png, 16, 4.00, webp, suffix=".webp"),
    )


@dataclass(frozen=True, slots=True)
class Batch:
    """Variants that nobody has asked for, as requests for both sides."""

    ours: tuple[plan.Request, ...]
    peers: tuple[plan.Request, ...]


class Field:
    """imagesvc with every picture uploaded, for one peer after the other."""

    def __init__(self, bench: Bench, service: ImageService, subjects: tuple[Subject, ...]) -> None:
        self.bench = bench
        self.port = service.port
        self.subjects = subjects
        self.pictures = subjects[0].photo.parent
        self.images = {
            photo: client.upload(service.port, photo)  # waits for its job, and so its mezzanine
            for photo in {subject.photo for subject in subjects}
        }
        self.variants = {subject: Variants.resized(subject.photo) for subject in subjects}

    def measure(self, peer: Peer) -> list[Row]:
        """A row for each subject."""
        return [self._row(peer, subject) for subject in self.subjects]

    def _row(self, peer: Peer, subject: Subject) -> Row:
        batches = [self._batch(peer, subject) for _ in range(self.bench.rounds + 1)]
        _check_alike(self.port, peer, self._batch(peer, subject))

        def ours(number: int) -> float:
            load = plan.Plan(self.port, batches[number].ours, _CONNECTIONS)
            return client.run(load).expect(200).rate

        def theirs(number: int) -> float:
            first, *rest = peer.ports
            load = plan.Plan(first, batches[number].peers, _CONNECTIONS, more_ports=tuple(rest))
            return client.run(load).expect(200).rate

        ours(self.bench.rounds)  # both warm
        theirs(self.bench.rounds)
        turns = take_turns(self.bench.rounds, theirs, ours)
        return at_least(f"{subject.what} / {peer.version}", subject.target, turns, "variants/s")

    def _batch(self, peer: Peer, subject: Subject) -> Batch:
        """The next variants; those of `Field.variants` never come again, for any peer."""
        renders = self.variants[subject].take(subject.count)
        return Batch(
            tuple(plan.get(self._path(subject, render)) for render in renders),
            tuple(plan.get(peer.path(subject.limit(render))) for render in renders),
        )

    def _path(self, subject: Subject, render: Render) -> str:
        size = f"w={render.width}&q={render.quality}"
        return f"/images/{self.images[subject.photo]}?{size}{subject.query}"


def _check_alike(port: int, peer: Peer, batch: Batch) -> None:
    """Both sides make the same thing: format and size of one variant, give or take a pixel.

    Raises:
        RuntimeError: they do not, so the figures would compare different work.
    """
    ours, theirs = (
        _described(at, request)
        for at, request in ((port, batch.ours[0]), (peer.ports[0], batch.peers[0]))
    )
    (kind, *size), (their_kind, *their_size) = ours, theirs
    if kind != their_kind or any(abs(a - b) > 1 for a, b in zip(size, their_size, strict=True)):
        raise RuntimeError(f"{peer.version} answers {theirs} where imagesvc answers {ours}")


def _described(port: int, request: plan.Request) -> tuple[str, int, int]:
    outcome = client.run(plan.Plan(port, (request,), 1, keep_bodies=True)).expect(200)
    image = pyvips.Image.new_from_buffer(outcome.bodies[0], "")
    return str(image.get("vips-loader")), image.width, image.height


if __name__ == "__main__":
    sys.exit(main())
