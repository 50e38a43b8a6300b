"""Tests of the grammar of searches and of the keys images are found by; no I/O."""
