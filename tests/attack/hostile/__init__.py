"""Files whose structure is cheap to write and dear to read, a module for each family."""
