"""The composition root: makes every part of a service, and opens and closes them in order."""
