"""Links for people without an account: shares of images, and uploads of guests."""
