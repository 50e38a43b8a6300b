"""The metadata in PostgreSQL, which several nodes share."""
