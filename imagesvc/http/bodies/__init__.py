"""Bodies of requests: JSON, forms, multipart and raw files, read within bounds."""
