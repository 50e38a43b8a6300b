"""Objects in buckets, on services with the interface of S3."""
