"""Watched sources: folders, buckets, index pages and feeds whose new files become images."""
