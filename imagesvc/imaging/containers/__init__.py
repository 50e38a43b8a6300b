"""The structure of files: walkers that find truncation and bombs without decoding a pixel."""
