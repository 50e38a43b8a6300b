"""The Starlette application of a service: its operations, resources and middleware."""
