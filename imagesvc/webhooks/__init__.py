"""Delivery of events to other programs."""
