"""The columns that describe an original and its facts, wherever a query needs them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, bindparam, update

from imagesvc.model import Digest, Facts, Format, Mezzanine, Original
from imagesvc.search.colors import cell, lab
from imagesvc.store.schema import blobs, images

ORIGINAL_COLUMNS = (
    images.c.sha256,
    images.c.format,
    images.c.width,
    images.c.height,
    images.c.frames,
    images.c.has_alpha,
    images.c.decode_bytes,
    blobs.c.mezzanine_sha256,
    blobs.c.mezzanine_format,
    blobs.c.mezzanine_width,
    blobs.c.mezzanine_height,
)
FACT_COLUMNS = (blobs.c.dominant_color, blobs.c.palette, blobs.c.thumbhash, blobs.c.phash)
_RECORD_FACTS = (
    update(blobs)
    .where(blobs.c.sha256 == bindparam("of_blob"))
    .values(
        dominant_color=bindparam("dominant_color"),
        palette=bindparam("palette"),
        thumbhash=bindparam("thumbhash"),
        phash=bindparam("phash"),
        palette_lab=bindparam("palette_lab"),
    )
)


def original_of(row: Any) -> Original:
    """The original that a row with `ORIGINAL_COLUMNS` describes."""
    mezzanine = None
    if row.mezzanine_sha256 is not None:
        mezzanine = Mezzanine(
            digest=Digest(row.mezzanine_sha256),
            format=Format(row.mezzanine_format),
            width=row.mezzanine_width,
            height=row.mezzanine_height,
        )
    return Original(
        digest=Digest(row.sha256),
        format=Format(row.format),
        width=row.width,
        height=row.height,
        frames=row.frames,
        has_alpha=row.has_alpha,
        decode_bytes=row.decode_bytes,
        mezzanine=mezzanine,
    )


def facts_of(row: Any) -> Facts | None:
    """The facts that a row with `FACT_COLUMNS` holds; None before its job has found them."""
    if row.phash is None:
        return None
    return Facts(
        dominant_color=row.dominant_color,
        palette=tuple(row.palette),
        thumbhash=row.thumbhash,
        phash=row.phash,
    )


def record_facts(connection: Connection, digest: Digest, facts: Facts) -> None:
    """Keep what the first decode of an original has told."""
    colors = [lab(color) for color in facts.palette]
    row = {
        **asdict(facts),
        "of_blob": digest,
        "palette": list(facts.palette),
        "palette_lab": [(cell(color), *color) for color in colors],
    }
    connection.execute(_RECORD_FACTS, row)
