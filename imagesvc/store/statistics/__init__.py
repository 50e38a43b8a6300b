"""Counts over all tables, for operators."""
