"""Storage: sizes of the caches, and how long unneeded data is kept."""

from __future__ import annotations

from pydantic import BaseModel, ByteSize, Field

from imagesvc.settings.quantities import Seconds, SecondsOrZero


class CacheSettings(BaseModel):
    """The sizes of the variant caches."""

    memory_cache_size: ByteSize = Field(
        ByteSize(256 << 20), description="Bytes of variants kept in memory."
    )
    variant_disk_size: ByteSize = Field(
        ByteSize(10 << 30), description="Bytes of variants kept on disk."
    )


class RetentionSettings(BaseModel):
    """How long idempotency records and orphans are kept."""

    idempotency_key_lifetime: Seconds = Field(
        86400.0, description="How long the first response to an Idempotency-Key is kept."
    )
    gc_interval: Seconds = Field(3600.0, description="Time between collections of orphans.")
    gc_grace: SecondsOrZero = Field(
        3600.0, description="Age below which orphans are not collected."
    )
