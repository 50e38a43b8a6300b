"""Real reverse proxies for tests: nginx, HAProxy and Caddy from packages, on loopback."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.server import reserve_port
from tests.waiting import PATIENCE, until

NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
  {maps}
  upstream imagesvc {{ server 127.0.0.1:{backend}; keepalive 1; }}
  server {{
    listen 127.0.0.1:{port};
    client_max_body_size 60m;
    location / {{ {directives} }}
  }}
}}
"""
WEBSOCKETS = """
proxy_pass http://imagesvc;
proxy_http_version 1.1;
proxy_set_header Host $host;
proxy_set_header Upgrade $http_upgrade;
proxy_set_header Connection $connection_upgrade;
"""
"""The snippet for websockets in most guides, with reused connections."""
PLAIN = "proxy_pass http://127.0.0.1:{backend};"
"""The shortest working configuration: nginx adds no field, and sends the backend as Host."""

HAPROXY = """
global
  maxconn 64
defaults
  mode http
  timeout connect 60s
  timeout client 60s
  timeout server 60s
  http-reuse always
"""
HAPROXY_WITHOUT_FIELDS = """
frontend front
  bind 127.0.0.1:{port}
  default_backend imagesvc
backend imagesvc
{servers}
"""
"""It adds no field, and passes on those of the client."""

CADDY = """
{
  admin off
  auto_https off
  storage file_system ./caddy
}
"""


@contextlib.contextmanager
def nginx(
    folder: Path, backend: int, directives: str = WEBSOCKETS, *, maps: str = ""
) -> Iterator[int]:
    """Run nginx in front of a port of this machine; returns its own port.

    Args:
        folder: where it keeps its files.
        backend: the port.
        directives: what it does with a request, with `{backend}` for the port.
        maps: what stands in the `http` block beside its servers.
    """
    with reserve_port() as reservation:
        port = reservation.getsockname()[1]
        config = folder / "nginx.conf"
        location = directives.format(backend=backend)
        config.write_text(
            NGINX.format(folder=folder, backend=backend, port=port, directives=location, maps=maps)
        )
        with _running(["nginx", "-p", str(folder), "-c", str(config)], folder, port):
            yield port


@contextlib.contextmanager
def haproxy(folder: Path, *backends: int, sections: str = HAPROXY_WITHOUT_FIELDS) -> Iterator[int]:
    """Run HAProxy in front of ports of this machine, in turn; returns its own port.

    Args:
        folder: where it keeps its files.
        backends: the ports.
        sections: of its configuration, with `{port}` for its own, and `{servers}`.
    """
    with reserve_port() as reservation:
        port = reservation.getsockname()[1]
        config = folder / "haproxy.cfg"
        servers = "\n".join(f"  server s{backend} 127.0.0.1:{backend}" for backend in backends)
        config.write_text(
            HAPROXY + sections.replace("{port}", str(port)).replace("{servers}", servers)
        )
        with _running(["haproxy", "-db", "-f", str(config)], folder, port):
            yield port


@contextlib.contextmanager
def caddy(folder: Path, site: str) -> Iterator[int]:
    """Run Caddy with one site, whose text has `{port}` in its address; returns that port."""
    with reserve_port() as reservation:
        port = reservation.getsockname()[1]
        config = folder / "Caddyfile"
        config.write_text(CADDY + site.replace("{port}", str(port)))
        command = ["caddy", "run", "--adapter", "caddyfile", "--config", str(config)]
        with _running(command, folder, port):
            yield port


PROXIES: dict[str, Callable[[Path, int], AbstractContextManager[int]]] = {
    "nginx": nginx,
    "haproxy": haproxy,
}


@contextlib.contextmanager
def _running(command: list[str], folder: Path, port: int) -> Iterator[None]:
    program = shutil.which(command[0], path="/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin")
    if program is None:
        pytest.skip(f"{command[0]} is not installed: apt-get install nginx-light haproxy caddy")
    log_path = folder / f"{command[0]}.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen([program, *command[1:]], cwd=folder, stdout=log, stderr=log)
    try:
        _wait_for(port, process, log_path)
        yield
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes], log_path: Path) -> None:
    def listens() -> bool:
        assert process.poll() is None, log_path.read_text()
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), PATIENCE).close()
            return True
        return False

    until(listens)
