"""The backend ``spotify``: Spotify's audio features and boosted trees."""
