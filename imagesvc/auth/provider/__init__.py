"""Tokens of an identity provider that an operator names."""
