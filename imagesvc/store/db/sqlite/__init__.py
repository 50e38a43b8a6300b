"""The metadata in SQLite, in the data directory of one server."""
