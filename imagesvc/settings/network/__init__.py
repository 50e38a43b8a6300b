"""Settings of addresses, of connections, and of the servers around this one."""
