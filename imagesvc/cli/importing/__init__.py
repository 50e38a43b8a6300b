"""`imagesvc import`: existing files and folders, to a service or into a data directory."""
