"""Tests of `imagesvc.cdn`."""
