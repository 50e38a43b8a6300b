"""Use cases of operators: what is stored, and removing what can be made again."""
