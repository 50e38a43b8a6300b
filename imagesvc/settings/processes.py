"""The processes: where the server listens and stores, what workers may use, what is logged."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ByteSize, Field, PositiveInt, field_validator

from imagesvc.syntax.hosts import split_hosts


class ProcessSettings(BaseModel):
    """Where the server listens and stores, and what its workers may use."""

    host: str = Field(
        "127.0.0.1", description="Addresses to listen on, with commas between; :: is all of them."
    )
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    data_dir: Path = Field(Path("data"), description="Where database, blobs and variants live.")
    workers: PositiveInt = Field(
        default_factory=lambda: len(os.sched_getaffinity(0)),
        description="Worker processes that touch pixels. Default: the number of cores.",
    )
    worker_memory: ByteSize = Field(
        ByteSize(2 << 30), ge=256 << 20, description="Address space one worker may use."
    )
    worker_jobs: PositiveInt = Field(
        2000, description="Calls after which a worker is replaced, so that memory comes back."
    )
    sandbox: Literal["auto", "strict", "off"] = Field(
        "auto",
        description="Whether workers lock themselves (Landlock, seccomp); strict: or no start.",
    )
    decode_memory: ByteSize = Field(
        ByteSize(2 << 30),
        ge=64 << 20,
        description="Decoded bytes, as predicted from headers, that may be in work at once.",
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


class LogSettings(BaseModel):
    """How much is logged, and in which format."""

    log_format: Literal["auto", "text", "json"] = Field(
        "auto", description="auto: text on a terminal, JSON otherwise."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least severe level that is logged."
    )
