"""Decoding and encoding: libvips, Pillow, and the formats that need both."""
