"""The sockets of a server: addresses, a Unix socket, or those that another process has opened."""
