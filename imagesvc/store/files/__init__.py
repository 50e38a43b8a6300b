"""Files in the data directory: blobs, variants, incoming uploads, locks, secrets."""
