"""Proofs that pixels fill the place that a file has for them: nothing else is in it."""
