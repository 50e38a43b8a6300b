"""Files without damaged or large data beside the picture."""
