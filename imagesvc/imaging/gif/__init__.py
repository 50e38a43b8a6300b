"""Writing GIF: few colours, and of each frame only what changes."""
