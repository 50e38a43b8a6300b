"""What the first decode finds: EXIF, colours, ThumbHash, perceptual hash."""
