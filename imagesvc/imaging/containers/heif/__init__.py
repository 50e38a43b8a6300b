"""The structure of HEIF, HEIC and AVIF files."""
