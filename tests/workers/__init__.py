"""Tests of `imagesvc.workers`."""
