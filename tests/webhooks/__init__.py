"""Tests of `imagesvc.webhooks`."""
