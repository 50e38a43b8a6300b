"""The structure of TIFF files."""
