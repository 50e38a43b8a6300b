"""The queue, the runner, admission and the workers."""
