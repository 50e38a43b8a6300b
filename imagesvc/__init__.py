"""imagesvc: upload images, get durable jobs, fetch variants by URL."""
