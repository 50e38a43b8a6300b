"""Pure parts of delivery."""
