"""Metadata and blobs: tables, queries, migrations, files; no HTTP, no pixels."""
