"""Tests of imaging; they need no server, no database and no network."""
