"""The structure of JPEG 2000 files."""
