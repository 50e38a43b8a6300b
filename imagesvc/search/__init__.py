"""What a search says: its grammar, and the keys that images are found by. Text in, values out."""
