"""The rows of the table, one subject a module; each has `run(bench)`, which measures them."""
