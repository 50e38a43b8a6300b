"""What administrators ask of the service as a whole."""
