"""The sandbox of workers: limits on the system calls of a process that decodes images."""
