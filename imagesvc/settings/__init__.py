"""What an operator can set: fields with type, unit, default and description, and their sources."""
