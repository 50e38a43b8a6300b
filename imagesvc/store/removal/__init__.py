"""The trash, and deletion for good."""
