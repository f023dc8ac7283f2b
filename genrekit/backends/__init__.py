"""The backends: what turns an example into windows, and windows into a fitted model."""
