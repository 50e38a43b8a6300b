"""Tokens of the identity provider in the settings."""
