"""Alembic migrations, run at start; each brings every older database one step further."""
