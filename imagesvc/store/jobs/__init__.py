"""Rows of jobs: adding, claiming, listing and ending them."""
