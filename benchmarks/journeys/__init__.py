"""A load test: people and programs that use a server at once, with limits and a report."""
