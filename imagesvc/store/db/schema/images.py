"""Images, their blobs, and their variants."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    Uuid,
    false,
    text,
)

from imagesvc.store.db.schema.accounts import users
from imagesvc.store.db.schema.columns import Instant, Json, partial
from imagesvc.store.db.schema.metadata import metadata

blobs = Table(
    "blobs",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("bytes", BigInteger, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("dominant_color", String(7), nullable=True),
    Column("palette", Json, nullable=True),
    Column("thumbhash", String(64), nullable=True),
    Column("phash", String(16), nullable=True),
    Column("palette_lab", Json, nullable=True),  # cell and L*a*b* of each, to be searched
    Column("hues", Json, nullable=True),  # names of its colours
    Column("mezzanine_sha256", String(64), nullable=True, index=True),  # a blob of its own
    Column("mezzanine_format", String(16), nullable=True),
    Column("mezzanine_width", Integer, nullable=True),
    Column("mezzanine_height", Integer, nullable=True),
    Column("name", String(97), nullable=True),  # in the blob store; the digest if it is NULL
    Column("mezzanine_name", String(97), nullable=True),  # likewise
)


collections = Table(
    "collections",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("owner_id", Uuid, ForeignKey(users.c.id), nullable=True),
    Column("title", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("visibility", String(16), nullable=False),
    Column("image_count", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("cover_id", Uuid, nullable=True),  # no foreign key: images point back with one
    Index("ix_collections_owner_id_id", "owner_id", "id"),
    Index("ix_collections_visibility_id", "visibility", "id"),
)


images = Table(
    "images",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("sha256", String(64), ForeignKey(blobs.c.sha256), nullable=False, index=True),
    Column("format", String(16), nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("frames", Integer, nullable=False),
    Column("has_alpha", Boolean, nullable=False),
    Column("decode_bytes", BigInteger, nullable=False),
    Column("decode_seconds", Float),
    Column("bytes", BigInteger, nullable=False),
    Column("filename", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("tags", Json, nullable=False),
    Column("exif", Json, nullable=False),
    Column("gps", Json, nullable=True),  # apart from exif: only an owner may see it
    Column("visibility", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("job_id", Uuid, nullable=True),  # its newest job; jobs point back with a foreign key
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("completed_at", Instant, nullable=True),
    Column("owner_id", Uuid, ForeignKey(users.c.id), nullable=True),
    Column("collection_id", Uuid, ForeignKey(collections.c.id), nullable=True),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("number", Integer, nullable=False, server_default="0"),  # rowid of its `image_search`
    Column("dated_at", Instant, nullable=False, server_default="0"),
    Column("name_key", Text, nullable=False, server_default=""),
    Column("share_location", Boolean, nullable=False, server_default=false()),
    Column("is_analysed", Boolean, nullable=False, server_default=false()),  # by a job of its own
    Column("trashed_at", Instant, nullable=True),  # since when it is in the trash
    Column("is_favourite", Boolean, nullable=False, server_default=false()),  # of its owner
    Column("expires_at", Instant, nullable=True),  # from when on it does not exist any more
    Column(
        "awaits_review", Boolean, nullable=False, server_default=false()
    ),  # a guest's, not accepted
    Index("ix_images_number", "number", unique=True),
    Index("ix_images_trashed_at", "trashed_at", **partial(text("trashed_at IS NOT NULL"))),
    Index(
        "ix_images_expires_at_number",
        "expires_at",
        "number",
        **partial(text("expires_at IS NOT NULL")),
    ),
    # Lists read either images that are not in the trash or those that are, so that neither pass
    # over the other. No index is partial: those of foreign keys are also read without `trashed_at`.
    Index("ix_images_collection_id_trashed_at_id", "collection_id", "trashed_at", "id"),
    Index("ix_images_collection_id_trashed_at_number", "collection_id", "trashed_at", "number"),
    Index(
        "ix_images_collection_id_trashed_at_dated_at_number",
        "collection_id",
        "trashed_at",
        "dated_at",
        "number",
    ),
    Index(
        "ix_images_owner_id_trashed_at_dated_at_number",
        "owner_id",
        "trashed_at",
        "dated_at",
        "number",
        "visibility",
    ),
    Index(
        "ix_images_visibility_trashed_at_dated_at_number",
        "visibility",
        "trashed_at",
        "dated_at",
        "number",
    ),
    *(
        Index(f"ix_images_{whose}_trashed_at_{'_'.join(keys)}", whose, "trashed_at", *keys)
        for whose in ("owner_id", "visibility")
        for keys in (
            ("number",),
            ("bytes", "number"),
            ("name_key", "number"),
        )
    ),
)


variants = Table(
    "variants",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("image_id", Uuid, ForeignKey(images.c.id, ondelete="CASCADE"), nullable=False),
    Column("transform", Text, nullable=False),
    Column("format", String(16), nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("crc32", BigInteger, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("last_used_at", Instant, nullable=False),
    Index("ix_variants_image_id_last_used_at", "image_id", "last_used_at"),
    Index("ix_variants_last_used_at", "last_used_at"),
    sqlite_with_rowid=False,
)


phash_bands = Table(  # perceptual hashes by each quarter of their bits; triggers keep it
    "phash_bands",
    metadata,
    Column("band", String(5), primary_key=True),  # which quarter, and its four digits
    Column("phash", String(16), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    sqlite_with_rowid=False,
)
