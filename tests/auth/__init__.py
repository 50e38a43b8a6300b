"""Who is asking, how often, and what they may touch."""
