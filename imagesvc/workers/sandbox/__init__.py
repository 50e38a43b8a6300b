"""The sandbox of workers: what a process that decodes images may still ask of the kernel."""
