"""Uploads and imports: what is accepted, and from where."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ByteSize, Field, IPvAnyNetwork, PositiveInt

from imagesvc.settings.quantities import Pixels, Seconds

Port = Annotated[int, Field(ge=1, le=65535)]


class UploadSettings(BaseModel):
    """Limits of files, the visibility of uploads, and imports from URLs."""

    max_upload_size: ByteSize = Field(ByteSize(50 << 20), ge=1, description="Bytes of one file.")
    max_files: PositiveInt = Field(100, description="Files in one upload request.")
    max_pixels: Pixels = Field(
        100_000_000, description="Pixels of one frame; all frames together may have 4 x as many."
    )
    max_frames: PositiveInt = Field(500, description="Frames of an animation.")
    min_free_space: ByteSize = Field(
        ByteSize(64 << 20), description="Free disk space below which uploads are answered 507."
    )
    default_visibility: Literal["auto", "public", "unlisted", "private"] = Field(
        "auto", description="Visibility of an upload without one; auto: private with accounts."
    )
    source_roots: tuple[Path, ...] = Field(
        (), description="Folders that watched sources may be in; they are read as this server."
    )
    source_settle_time: Seconds = Field(
        5.0, description="Time for which new files of a watched folder must not change."
    )
    allow_url_import: bool = Field(
        default=False, description="Whether this server may import images from URLs."
    )
    url_import_timeout: Seconds = Field(10.0, description="Time for one import.")
    url_import_ports: tuple[Port, ...] = Field(
        (80, 443), min_length=1, description="Ports that may be imported from."
    )
    url_import_allow: tuple[IPvAnyNetwork, ...] = Field(
        (), description="Networks allowed for imports besides public addresses."
    )
