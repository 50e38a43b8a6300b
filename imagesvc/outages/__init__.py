"""Failures that continue: how they are logged, and when what failed is tried again."""
