"""The metadata in PostgreSQL, which several nodes share."""

from pathlib import Path

CHANGES = Path(__file__).with_name("changes.sql")
"""The tables and triggers for what nodes keep in memory."""
LOGINS = Path(__file__).with_name("logins.sql")
"""The tables for attempts to log in."""
