"""Traces of what takes long, for OpenTelemetry; without tracing nothing of it is imported."""
