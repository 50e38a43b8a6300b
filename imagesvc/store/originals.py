"""The columns that describe an original and its analysis, wherever a query needs them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, bindparam, update

from imagesvc.model.formats import Format
from imagesvc.model.ids import Digest, ImageId
from imagesvc.model.images import Analysis, Mezzanine, Original
from imagesvc.store.db.schema.images import blobs, images
from imagesvc.store.search.colors import cell, lab
from imagesvc.store.search.hues import hues_of

ORIGINAL_COLUMNS = (
    images.c.sha256,
    images.c.format,
    images.c.width,
    images.c.height,
    images.c.frames,
    images.c.has_alpha,
    images.c.decode_bytes,
    images.c.is_analysed,
    images.c.decode_seconds,
    blobs.c.mezzanine_sha256,
    blobs.c.mezzanine_format,
    blobs.c.mezzanine_width,
    blobs.c.mezzanine_height,
    blobs.c.name,
    blobs.c.mezzanine_name,
)
FACT_COLUMNS = (blobs.c.dominant_color, blobs.c.palette, blobs.c.thumbhash, blobs.c.phash)
_MARK_ANALYSED = update(images).where(images.c.id == bindparam("analysed")).values(is_analysed=True)
_RECORD_FACTS = (
    update(blobs)
    .where(blobs.c.sha256 == bindparam("of_blob"))
    .values(
        dominant_color=bindparam("dominant_color"),
        palette=bindparam("palette"),
        thumbhash=bindparam("thumbhash"),
        phash=bindparam("phash"),
        palette_lab=bindparam("palette_lab"),
        hues=bindparam("hues"),
    )
)


def original_of(row: Any) -> Original:
    """The original in a row with `ORIGINAL_COLUMNS`.

    The mezzanine of another image's job is not used: it would reveal that image.
    """
    mezzanine = None
    if row.mezzanine_sha256 is not None and row.is_analysed:
        mezzanine = Mezzanine(
            digest=Digest(row.mezzanine_sha256),
            format=Format(row.mezzanine_format),
            width=row.mezzanine_width,
            height=row.mezzanine_height,
            own_name=row.mezzanine_name,
        )
    return Original(
        digest=Digest(row.sha256),
        format=Format(row.format),
        width=row.width,
        height=row.height,
        frames=row.frames,
        has_alpha=row.has_alpha,
        decode_bytes=row.decode_bytes,
        decode_seconds=row.decode_seconds,
        mezzanine=mezzanine,
        own_name=row.name,
    )


def analysis_of(row: Any) -> Analysis | None:
    """The analysis in a row of an image; None before a job of the image has made it."""
    if row.phash is None or not row.is_analysed:
        return None
    return Analysis(
        dominant_color=row.dominant_color,
        palette=tuple(row.palette),
        thumbhash=row.thumbhash,
        phash=row.phash,
    )


def mark_analysed(connection: Connection, image_id: ImageId) -> None:
    """Show the known analysis of an original to its image, whose job has analysed it."""
    connection.execute(_MARK_ANALYSED, {"analysed": image_id})


def record_analysis(
    connection: Connection, image_id: ImageId, digest: Digest, analysis: Analysis
) -> None:
    """Store the analysis of an original by a job of an image."""
    mark_analysed(connection, image_id)
    colors = [lab(color) for color in analysis.palette]
    row = {
        **asdict(analysis),
        "of_blob": digest,
        "palette": list(analysis.palette),
        "palette_lab": [(cell(color), *color) for color in colors],
        "hues": hues_of(analysis.palette),
    }
    connection.execute(_RECORD_FACTS, row)
