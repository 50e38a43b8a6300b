"""imagesvc beside other image servers, with the same files on the same machine."""
