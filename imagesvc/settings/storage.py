"""Storage: sizes of the caches, and how long unneeded data is kept."""

from __future__ import annotations

from pydantic import BaseModel, ByteSize, Field

from imagesvc.settings.quantities import Seconds, SecondsOrZero

MAX_RETENTION = 100 * 365 * 86_400.0


class CacheSettings(BaseModel):
    """The sizes of the variant caches."""

    memory_cache_size: ByteSize = Field(
        ByteSize(256 << 20), description="Bytes of variants kept in memory."
    )
    variant_disk_size: ByteSize = Field(
        ByteSize(10 << 30), description="Bytes of variants kept on disk."
    )


class RetentionSettings(BaseModel):
    """How long idempotency records, images in the trash and orphans are kept."""

    idempotency_key_lifetime: Seconds = Field(
        86400.0, description="How long the first response to an Idempotency-Key is kept."
    )
    trash_retention: Seconds = Field(
        30 * 86_400.0,
        le=MAX_RETENTION,
        description="How long images stay in the trash before they are deleted for good.",
    )
    gc_interval: Seconds = Field(3600.0, description="Time between collections of orphans.")
    gc_grace: SecondsOrZero = Field(
        3600.0, description="Age below which orphans are not collected."
    )
