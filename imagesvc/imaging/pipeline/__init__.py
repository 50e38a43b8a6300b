"""The steps of a transform, in order, on a decoded picture."""
