"""Results of the first decode: EXIF, colours, ThumbHash, perceptual hash."""
