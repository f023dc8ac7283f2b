"""Descriptions of a song: pure functions from samples to numbers, and the names of those numbers."""
