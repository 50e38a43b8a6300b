"""The grammar of searches, and the statements that it becomes."""
