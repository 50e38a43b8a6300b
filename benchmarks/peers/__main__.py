"""The command: install the peers that can be had, and measure imagesvc against each in turns."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from benchmarks import photos
from benchmarks.figures import Machine
from benchmarks.peers.field import Field
from benchmarks.peers.given import Dialect, Given, Imagor, Imgproxy, is_address
from benchmarks.peers.installed import NotInstalled
from benchmarks.peers.servers import Ipx, Peer, Thumbor
from benchmarks.peers.subjects import subjects_in
from benchmarks.report import HEADER, Bench, Row, lines
from benchmarks.servers import ImageService

PEERS: Mapping[str, Callable[[Path, Path, Path], Peer]] = {"ipx": Ipx, "thumbor": Thumbor}
GIVEN: Mapping[str, Dialect] = {"imgproxy": Imgproxy(), "imagor": Imagor()}


def main() -> int:
    """Measure and print; 1 when a target was missed."""
    arguments = _arguments()
    found: list[Row] = []
    print(f"{Machine.this()}\n\n{HEADER}")
    with tempfile.TemporaryDirectory(prefix="imagesvc-peers-", dir=arguments.folder) as name:
        folder = Path(name)
        bench = Bench(folder, photos.gather(folder), arguments.quick)
        pictures = arguments.pictures or bench.fresh("pictures")
        with ImageService(bench.fresh("imagesvc")) as service:
            field = Field(bench, service.port, subjects_in(pictures, bench.photos))
            for peer in _peers(arguments, bench, pictures):
                with peer:
                    measured = field.measure(peer)
                print(lines(measured), flush=True)
                found += measured
    return 0 if all(row.passed for row in found) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("peers", nargs="*", metavar="PEER", help=f"of {', '.join(PEERS)}")
    parser.add_argument("--quick", action="store_true", help="few rounds: does it run at all?")
    parser.add_argument("--folder", type=Path, help="where the temporary folder is made")
    parser.add_argument("--cache", type=Path, help="keep the installed peers in this folder")
    for name in GIVEN:
        parser.add_argument(f"--{name}", help="its address, or the path of its program")
    parser.add_argument("--pictures", type=Path, help="an empty folder that such a server reads")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.peers if name not in PEERS]
    if unknown:
        parser.error(f"no such peer: {', '.join(unknown)}; there are {', '.join(PEERS)}")
    given = [vars(arguments)[name] for name in GIVEN]
    if arguments.pictures is None and any(where and is_address(where) for where in given):
        parser.error("--pictures must name the folder that the server at an address reads")
    if arguments.pictures is not None and any(arguments.pictures.iterdir()):
        parser.error(f"{arguments.pictures} is not empty")
    return arguments


def _peers(arguments: argparse.Namespace, bench: Bench, pictures: Path) -> Iterator[Peer]:
    """The peers that are here, or can be installed; of others, the reason is printed."""
    cache = (arguments.cache or bench.folder / "installed").absolute()
    for name, dialect in GIVEN.items():
        if where := vars(arguments)[name]:
            yield Given(dialect, where, pictures, bench.fresh(name))
    for name in arguments.peers or PEERS:
        installed_in = cache / name
        installed_in.mkdir(parents=True, exist_ok=True)
        try:
            yield PEERS[name](installed_in, pictures, bench.fresh(name))
        except NotInstalled as error:
            print(f"{name} is left out: {error}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
