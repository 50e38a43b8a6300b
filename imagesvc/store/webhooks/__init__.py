"""Rows of webhooks: subscriptions, deliveries, and the outbox of events."""
