"""Tests of `imagesvc.library`."""
