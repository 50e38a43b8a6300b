"""Tests of the package `imagesvc.cli`."""
