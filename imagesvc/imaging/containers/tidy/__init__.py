"""Files without what is damaged or large beside the picture."""
