"""Request bodies: JSON, forms, multipart and raw files, read within limits."""
