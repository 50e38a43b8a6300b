"""Tests of `imagesvc.outbound`."""
