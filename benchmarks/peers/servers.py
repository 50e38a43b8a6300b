"""The peers as servers of a folder of pictures, set up to use every core and keep nothing."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol, Self

from benchmarks.limits import Render
from benchmarks.peers import installed
from benchmarks.servers import CORES, Server
from benchmarks.subjects import format_of

_THUMBOR_SETTINGS = """LOADER = "thumbor.loaders.file_loader"
FILE_LOADER_ROOT_PATH = {pictures!r}
STORAGE = "thumbor.storages.no_storage"
PROGRESSIVE_JPEG = False
AVIF_SPEED = 8
"""
_SIGMAS = 3  # of a Gaussian, within the radius of a blur


class Peer(Protocol):
    """A peer that runs: where, and how it is asked for a variant."""

    version: str
    ports: tuple[int, ...]

    def takes(self, render: Render) -> bool:
        """Whether it makes such variants."""

    def path(self, render: Render) -> str:
        """The URL of a variant."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...


class Ipx:
    """ipx in one node process: its event loop, and libvips in the threads of libuv.

    libuv's default of 4 threads was the fastest of 2 to 4 on two cores: its file reads take a
    thread, too.
    """

    def __init__(self, installed_in: Path, pictures: Path, folder: Path) -> None:
        self.version = installed.ipx(installed_in)
        # Beside node_modules, where the script's imports are looked up.
        script = shutil.copy(Path(__file__).with_name("ipx_server.mjs"), installed_in)
        self.server = _IpxServer(folder, Path(script), pictures)
        self.ports: tuple[int, ...] = (self.server.port,)

    def takes(self, render: Render) -> bool:  # noqa: ARG002 - of the protocol
        """All of them."""
        return True

    def path(self, render: Render) -> str:
        """Modifiers, then the file."""
        modifiers = [f"q_{render.quality}", f"f_{format_of(render)}"]
        if render.width:
            modifiers.insert(0, f"w_{render.width}")
        if render.blur:
            modifiers.insert(0, f"blur_{render.blur:g}")
        if render.is_animated:
            modifiers.insert(0, "animated")
        return f"/{','.join(modifiers)}/{Path(render.photo).name}"

    def __enter__(self) -> Self:
        self.server.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.server.__exit__(*error)


class Thumbor:
    """As many thumbor processes as cores, each on a port of its own.

    With `--processes` they would share a port, and one of them would take nearly all of a few
    connections that stay open.
    """

    def __init__(self, installed_in: Path, pictures: Path, folder: Path) -> None:
        self.version = installed.thumbor(installed_in)
        settings = folder / "thumbor.conf"
        settings.write_text(_THUMBOR_SETTINGS.format(pictures=str(pictures)))
        program = installed_in / ".venv" / "bin" / "thumbor"
        self.servers = [_ThumborServer(folder, program, settings) for _ in CORES]
        self.ports: tuple[int, ...] = tuple(server.port for server in self.servers)
        self.running = ExitStack()

    def takes(self, render: Render) -> bool:
        """It writes animations as GIF only."""
        return not render.is_animated

    def path(self, render: Render) -> str:
        """Size, filters, then the file."""
        size = f"/{render.width}x0" if render.width else ""
        filters = [f"quality({render.quality})", f"format({format_of(render)})"]
        if render.blur:
            filters.insert(0, f"blur({round(_SIGMAS * render.blur)},{render.blur:g})")
        return f"/unsafe{size}/filters:{':'.join(filters)}/{Path(render.photo).name}"

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            for server in self.servers:
                starting.enter_context(server)
            self.running = starting.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self.running.__exit__(None, None, None)


class _IpxServer(Server):
    def __init__(self, folder: Path, script: Path, pictures: Path) -> None:
        super().__init__(folder, "ipx", "/w_8/small.jpg")
        self.script, self.pictures = script, pictures

    def command(self) -> list[str]:
        return ["node", str(self.script), str(self.port), str(self.pictures)]

    def environment(self) -> dict[str, str]:
        return {"UV_THREADPOOL_SIZE": str(2 * len(CORES)), "NODE_ENV": "production"}


class _ThumborServer(Server):
    def __init__(self, folder: Path, program: Path, settings: Path) -> None:
        super().__init__(folder, "thumbor", "/healthcheck")
        self.program, self.settings = program, settings

    def command(self) -> list[str]:
        address = ["--ip", "127.0.0.1", "--port", str(self.port)]
        return [str(self.program), *address, "--conf", str(self.settings)]
