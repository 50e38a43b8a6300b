"""Parts that make variants: workers, caches, jobs, and what the settings say about transforms."""
