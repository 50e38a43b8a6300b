"""What the clients do, a class of methods for each kind of thing."""
