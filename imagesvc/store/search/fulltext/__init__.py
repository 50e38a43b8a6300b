"""The full-text index: what a search asks it for, and how each database is asked."""
