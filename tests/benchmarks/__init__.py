"""Tests of the benches: that their figures measure what they say."""
