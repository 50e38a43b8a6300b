"""Presets in URLs: their versions, and how long browsers keep what has a current one."""
