"""What happens to every request and answer around the routes."""
