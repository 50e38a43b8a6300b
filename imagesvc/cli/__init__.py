"""Commands of `imagesvc`: one module for each group."""
