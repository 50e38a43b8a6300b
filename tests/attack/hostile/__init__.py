"""Files whose structure is cheap to write and expensive to read, a module for each family."""
