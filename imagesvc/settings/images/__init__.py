"""Settings of images: uploads, transforms, and delivery."""
