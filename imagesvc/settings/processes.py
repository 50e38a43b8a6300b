"""The processes: addresses and directories of the server, limits of workers, and logs."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ByteSize, Field, PositiveInt, ValidationInfo, field_validator

from imagesvc.syntax.hosts import split_hosts


class ProcessSettings(BaseModel):
    """Addresses and directories of the server, and limits of its workers."""

    host: str = Field(
        "127.0.0.1", description="Addresses to listen on, with commas between; :: is every address."
    )
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    uds: Path | None = Field(
        None, description="Path of a Unix socket to listen on, instead of host and port."
    )
    uds_mode: str = Field(
        "0660", pattern="^0?[0-7]{3}$", description="Mode of this socket: who may connect."
    )
    fd: str = Field(
        "off",
        validate_default=True,
        description="Inherited sockets to listen on, instead: systemd, or numbers such as 3.",
    )
    data_dir: Path = Field(Path("data"), description="Directory of database, blobs and variants.")
    workers: PositiveInt = Field(
        default_factory=lambda: len(os.sched_getaffinity(0)),
        description="Worker processes for pixels. Default: the number of cores.",
    )
    worker_memory: ByteSize = Field(
        ByteSize(2 << 30), ge=256 << 20, description="Address space one worker may use."
    )
    worker_jobs: PositiveInt = Field(
        2000, description="Calls after which a worker is replaced, to free its memory."
    )
    sandbox: Literal["auto", "strict", "off"] = Field(
        "auto",
        description="Sandbox of workers (Landlock, seccomp); strict: required for a start.",
    )
    decode_memory: ByteSize = Field(
        ByteSize(2 << 30),
        ge=64 << 20,
        description="Memory for decoded images, as predicted from headers.",
    )
    queue_size: PositiveInt = Field(
        256, description="On-demand renders that may wait; more are answered 503."
    )

    @field_validator("host")
    @classmethod
    def _names_addresses(cls, host: str) -> str:
        if not all(re.fullmatch(r"[^\s\[\]\"']+", name) for name in split_hosts(host)):
            raise ValueError(
                "must be addresses or names with commas between, without quotes or brackets, "
                "such as 127.0.0.1, ::1"
            )
        return host

    @field_validator("fd")
    @classmethod
    def _names_descriptors(cls, fd: str, info: ValidationInfo) -> str:
        if fd == "off":
            return fd
        if fd != "systemd" and not re.fullmatch(r"[1-9][0-9]{0,5}(,[1-9][0-9]{0,5})*", fd):
            raise ValueError("must be systemd, descriptors such as 3 or 3,4, or off")
        if info.data.get("uds") is not None:
            raise ValueError("cannot be set together with uds; each replaces host and port")
        return fd

    @property
    def uds_permissions(self) -> int:
        """The mode of the Unix socket."""
        return int(self.uds_mode, 8)


class LogSettings(BaseModel):
    """How much is logged, and in which format."""

    log_format: Literal["auto", "text", "json"] = Field(
        "auto", description="auto: text on a terminal, JSON otherwise."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least severe level that is logged."
    )
    node_name: str = Field(
        default_factory=socket.gethostname,
        min_length=1,
        max_length=128,
        pattern=r"^[!-~]+$",
        description="Name of this server or worker in its logs and metrics. Default: that of the "
        "host.",
    )
    tracing: bool = Field(
        False, description="Spans for OpenTelemetry, as OTEL_* variables say; needs the extra otel."
    )
