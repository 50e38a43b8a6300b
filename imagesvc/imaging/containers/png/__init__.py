"""The structure of PNG and APNG files."""
