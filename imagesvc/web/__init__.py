"""Pages for people: the gallery's home."""
