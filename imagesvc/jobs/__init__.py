"""The durable queue, its runner and the worker pool; no HTTP."""
