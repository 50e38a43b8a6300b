"""ZIP files of images, made while they are sent."""
