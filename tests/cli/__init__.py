"""Tests of `imagesvc.cli`."""
