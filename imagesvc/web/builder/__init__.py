"""The URL builder: its page, and the grammar of transforms for its form."""
