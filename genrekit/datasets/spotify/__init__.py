"""Tables of Spotify's audio features."""
