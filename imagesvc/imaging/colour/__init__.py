"""Conversion of named and profiled colour spaces to sRGB."""
