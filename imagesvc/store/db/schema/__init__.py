"""The tables, a module for each group.

`migrations/` brings a database to this shape; a test compares the two.
"""
