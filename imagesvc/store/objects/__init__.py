"""Objects in buckets: their errors, uploads, downloads, and what is stored in them."""
