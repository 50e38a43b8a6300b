"""The grammar of transforms and its geometry; touches no pixel."""
