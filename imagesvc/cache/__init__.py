"""Variants kept close: memory LRU, disk, single flight, eviction."""
