"""The contracts of what keeps bytes, in files or elsewhere; no implementation is here."""
