"""The methods of the clients, with a class for each kind of resource."""
