"""Benches beside other image servers: their URLs, and what is compared before it is timed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import photos
from benchmarks.limits import Render
from benchmarks.peers.field import Field
from benchmarks.peers.given import Given, Imagor, Imgproxy
from benchmarks.report import Bench
from benchmarks.subjects import Subject
from benchmarks.variants import ExhaustedError, Variants
from tests.benchmarks import imgproxy
from tests.http.asking import picture
from tests.server import Server, reserve_port
from tests.waiting import until

RESIZED = Render("/pictures/small.jpg", 400, quality=81, suffix=".webp")
BLURRED = Render("/pictures/small.jpg", 0, quality=79, blur=10.25)


@pytest.mark.parametrize(
    ("render", "path"),
    [
        (RESIZED, "/unsafe/rs:fit:400/q:81/plain/local:///small.jpg@webp"),
        (BLURRED, "/unsafe/bl:10.25/q:79/plain/local:///small.jpg@jpeg"),
        (replace(RESIZED, suffix=".avif"), "/unsafe/rs:fit:400/q:81/plain/local:///small.jpg@avif"),
    ],
)
def test_urls_of_imgproxy(render: Render, path: str) -> None:
    """Options come first; the source is a file, with the format behind it."""
    assert Imgproxy().path(render) == path


@pytest.mark.parametrize(
    ("render", "path"),
    [
        (RESIZED, "/unsafe/fit-in/400x0/filters:quality(81):format(webp)/small.jpg"),
        (BLURRED, "/unsafe/filters:blur(10.25):quality(79):format(jpeg)/small.jpg"),
    ],
)
def test_urls_of_imagor(render: Render, path: str) -> None:
    """The size comes before the filters, and without it the picture keeps its own."""
    assert Imagor().path(render) == path


@pytest.mark.parametrize(
    "where", ["http://192.0.2.1:8080", "http://127.0.0.1", "http://127.0.0.1:8080/prefix"]
)
def test_a_peer_on_another_machine_is_refused(tmp_path: Path, where: str) -> None:
    """Both sides have to share the same cores, and the load client knows only ports."""
    with pytest.raises(ValueError, match="is not an address such as"):
        Given(Imgproxy(), where, tmp_path, tmp_path)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A quick bench, of which these tests use the number of rounds."""
    return Bench(tmp_path, photos.Photos(*[tmp_path] * 6), quick=True)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder with a still picture and an animation."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "small.jpg").write_bytes(picture())
    photos.write_gif(folder / "small.jpg", folder / "moving.gif")
    return folder


@pytest.fixture
def subjects(pictures: Path) -> list[Subject]:
    """Subjects of all kinds, a few variants of each."""
    still, gif = pictures / "small.jpg", pictures / "moving.gif"
    moving = Variants.resized(gif, 200, suffix=".webp", is_animated=True)
    return [
        Subject("resized", still, 3, 1.2, Variants.resized(still)),
        Subject("blurred", still, 3, 1.2, Variants.blurred(still)),
        Subject("animated", gif, 3, 1.2, moving),
    ]


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """The stand-in as a program."""
    path = tmp_path / "imgproxy"
    path.write_text(f"#!{sys.executable}\n{Path(imgproxy.__file__).read_text()}")
    path.chmod(0o755)
    return path


def listens(address: str) -> bool:
    """Whether a server takes connections there."""
    host, port = address.split(":")
    try:
        socket.create_connection((host, int(port))).close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.fixture
def still_imgproxy(program: Path, pictures: Path) -> Iterator[str]:
    """The address of an imgproxy that makes no animations, as by default."""
    reserved = reserve_port()
    address = f"127.0.0.1:{reserved.getsockname()[1]}"
    settings = {"IMGPROXY_BIND": address, "IMGPROXY_LOCAL_FILESYSTEM_ROOT": str(pictures)}
    process = subprocess.Popen([program], env=os.environ | settings)
    until(lambda: listens(address))
    yield f"http://{address}"
    process.kill()
    process.wait()
    reserved.close()


@pytest.mark.long
def test_a_program_is_started_and_measured(
    server: Server, bench: Bench, subjects: list[Subject], pictures: Path, program: Path
) -> None:
    """Each subject gets a row, since format, size and frames of both sides agree."""
    with Given(Imgproxy(), str(program), pictures, bench.fresh("peer")) as peer:
        rows = Field(bench, server.port, subjects).measure(peer)

    assert [row.what for row in rows] == [f"{s.what} / imgproxy" for s in subjects]
    assert all("variants/s" in row.raw for row in rows)


def test_what_differs_is_left_out(
    server: Server,
    bench: Bench,
    subjects: list[Subject],
    pictures: Path,
    still_imgproxy: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An address is measured as it is set up: this one answers the first frame only."""
    with Given(Imgproxy(), still_imgproxy, pictures, bench.folder) as peer:
        rows = Field(bench, server.port, subjects[2:]).measure(peer)

    assert rows == []
    printed = capsys.readouterr().err
    assert f"animated / imgproxy at {still_imgproxy} is left out" in printed
    assert "with 1 frames where imagesvc answers webp of" in printed


@pytest.mark.breadth
def test_a_row_without_enough_variants_is_not_measured(
    server: Server, bench: Bench, pictures: Path, program: Path
) -> None:
    """No URL comes again, for no peer: the second would be answered from a cache."""
    still = pictures / "small.jpg"
    few = Variants(Render(str(still), width) for width in range(300, 309))
    subject = Subject("resized", still, 3, 1.2, few)
    with Given(Imgproxy(), str(program), pictures, bench.fresh("peer")) as peer:
        field = Field(bench, server.port, [subject])

        with pytest.raises(ExhaustedError):  # one is compared, and three rounds take three each
            field.measure(peer)
