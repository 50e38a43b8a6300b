"""Worker processes: the pool, admission by predicted cost, and the main loop of a worker."""
