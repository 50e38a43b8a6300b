"""Sessions of browsers: their cookies, their expiry, and the set-up link of the first admin."""
