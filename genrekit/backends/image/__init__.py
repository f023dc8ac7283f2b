"""The backend ``image``: pictures and a residual network."""
