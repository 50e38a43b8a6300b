"""Use cases that span stores: accept an upload, remove, check, collect garbage."""
