"""Where images come from: files that were imported before, and watched sources."""
