"""The backend ``gtzan``: 57 statistics of timbre, harmony and rhythm, and calibrated classifiers."""
