"""Peers that no registry has: at an address of this machine, or a program to start."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, Self
from urllib.parse import urlsplit

from benchmarks.limits import Render
from benchmarks.servers import Server
from benchmarks.subjects import format_of

_HERE = {"127.0.0.1", "localhost"}


class Dialect(Protocol):
    """How one of these servers is set up and asked."""

    name: str
    ready_path: str

    def path(self, render: Render) -> str:
        """The URL of a variant, without a signature."""

    def settings(self, port: int, pictures: Path) -> Mapping[str, str]:
        """The environment of the program, for one thread for each picture."""


class Imgproxy:
    """imgproxy: https://docs.imgproxy.net/usage/processing."""

    name = "imgproxy"
    ready_path = "/health"

    def path(self, render: Render) -> str:
        """Options, then the file and its format."""
        options = ["unsafe"]
        if render.width:
            options.append(f"rs:fit:{render.width}")
        if render.blur:
            options.append(f"bl:{render.blur:g}")
        source = f"plain/local:///{Path(render.photo).name}@{format_of(render)}"
        return f"/{'/'.join(options)}/q:{render.quality}/{source}"

    def settings(self, port: int, pictures: Path) -> Mapping[str, str]:
        """Files of a folder, all frames, and the speed of AVIF that imagesvc has."""
        return {
            "IMGPROXY_BIND": f"127.0.0.1:{port}",
            "IMGPROXY_LOCAL_FILESYSTEM_ROOT": str(pictures),
            "IMGPROXY_MAX_ANIMATION_FRAMES": "100",
            "IMGPROXY_AVIF_SPEED": "8",
            "IMGPROXY_LOG_LEVEL": "error",
        }


class Imagor:
    """imagor: https://github.com/cshum/imagor."""

    name = "imagor"
    ready_path = "/healthcheck"

    def path(self, render: Render) -> str:
        """Size, filters, then the file."""
        size = f"/fit-in/{render.width}x0" if render.width else ""
        filters = [f"quality({render.quality})", f"format({format_of(render)})"]
        if render.blur:
            filters.insert(0, f"blur({render.blur:g})")
        return f"/unsafe{size}/filters:{':'.join(filters)}/{Path(render.photo).name}"

    def settings(self, port: int, pictures: Path) -> Mapping[str, str]:
        """Files of a folder, and the speed of AVIF that imagesvc has."""
        return {
            "SERVER_ADDRESS": "127.0.0.1",
            "PORT": str(port),
            "IMAGOR_UNSAFE": "1",
            "FILE_LOADER_BASE_DIR": str(pictures),
            "VIPS_CONCURRENCY": "1",
            "VIPS_AVIF_SPEED": "8",
        }


class Given:
    """Such a peer, which is started and stopped here if it is a program."""

    def __init__(self, dialect: Dialect, where: str, pictures: Path, folder: Path) -> None:
        self.dialect = dialect
        self.server = None if is_address(where) else _Program(dialect, where, pictures, folder)
        self.version = f"{dialect.name} at {where}" if self.server is None else dialect.name
        self.ports: tuple[int, ...] = (_port(where) if self.server is None else self.server.port,)

    def takes(self, render: Render) -> bool:  # noqa: ARG002 - of the protocol
        """They make all of them, animations too if set up for it."""
        return True

    def path(self, render: Render) -> str:
        """The URL of a variant."""
        return self.dialect.path(render)

    def __enter__(self) -> Self:
        if self.server is not None:
            self.server.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        if self.server is not None:
            self.server.__exit__(*error)


class _Program(Server):
    def __init__(self, dialect: Dialect, program: str, pictures: Path, folder: Path) -> None:
        super().__init__(folder, dialect.name, dialect.ready_path)
        self.program = str(Path(program).absolute())
        self.settings = dialect.settings(self.port, pictures)

    def command(self) -> list[str]:
        return [self.program]

    def environment(self) -> dict[str, str]:
        return dict(self.settings)


def is_address(where: str) -> bool:
    """Whether this is the address of a server, and not the path of a program."""
    return where.startswith("http://")


def _port(address: str) -> int:
    """The port of an address.

    Raises:
        ValueError: it is not one of this machine, whose cores both sides have to share.
    """
    parts = urlsplit(address)
    if parts.hostname not in _HERE or parts.port is None or parts.path.strip("/"):
        raise ValueError(f"{address} is not an address such as http://127.0.0.1:8080")
    return parts.port
