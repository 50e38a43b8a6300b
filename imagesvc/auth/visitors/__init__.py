"""People without an account who have a link."""
