"""Names and order of the feature columns, without heavy imports."""

from __future__ import annotations

_DESCRIPTORS = (
    "chroma_stft",
    "rms",
    "spectral_centroid",
    "spectral_bandwidth",
    "rolloff",
    "zero_crossing_rate",
    "harmony",
    "perceptr",
)
_STATISTICS = ("mean", "var")

GTZAN_COLUMNS: tuple[str, ...] = (
    *(f"{name}_{statistic}" for name in _DESCRIPTORS for statistic in _STATISTICS),
    "tempo",
    *(f"mfcc{i}_{statistic}" for i in range(1, 21) for statistic in _STATISTICS),
)
"""The 57 features of Kaggle's GTZAN table (``features_30_sec.csv``), in its order.

https://www.kaggle.com/datasets/andradaolteanu/gtzan-dataset-music-genre-classification
"""

SPOTIFY_COLUMNS: tuple[str, ...] = (
    "acousticness",
    "liveness",
    "speechiness",
    "instrumentalness",
    "energy",
    "loudness",
    "danceability",
    "valence",
    "duration_ms",
    "tempo",
    "key",
    "time_signature",
    "mode",
)
"""The 13 numbers of Spotify's audio features.

https://developer.spotify.com/documentation/web-api/reference/get-audio-features
"""
