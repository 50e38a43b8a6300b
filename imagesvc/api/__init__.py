"""JSON over HTTP: a module per resource; no SQL, no pixels."""
