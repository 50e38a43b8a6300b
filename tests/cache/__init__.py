"""The memory and disk tiers, single flight and removal."""
