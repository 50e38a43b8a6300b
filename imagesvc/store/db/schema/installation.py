"""The id of the installation, which the bucket of its originals records, too."""

from __future__ import annotations

from sqlalchemy import Column, Table, Uuid

from imagesvc.store.db.schema.metadata import metadata

installation = Table(  # at most one row, from the first start of a server on
    "installation", metadata, Column("id", Uuid, primary_key=True)
)
