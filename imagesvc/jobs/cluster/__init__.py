"""Jobs of a database that several processes share: servers add them, workers run them."""
