"""`imagesvc upload` and what other commands that send files share with it."""
