"""Alembic migrations, run at the start; each upgrades older databases by one step."""
