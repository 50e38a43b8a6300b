"""Images as a JSON resource: upload, import, list, edit, delete, sign."""
