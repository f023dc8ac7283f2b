"""Terms of sources that forbid training on their examples."""

from __future__ import annotations

from genrekit.datasets.base import Dataset
from genrekit.errors import DatasetError
from genrekit.text import counted, printable

NOTE_COLUMN = "licence_note"
SPOTIFY_NOTE = "Spotify Web API: not for training (Developer Terms, section IV)"
# https://developer.spotify.com/terms, section IV (Restrictions).
SPOTIFY_CLAUSE = (
    "Spotify's Developer Terms, section IV, forbid using Spotify content \"to train a machine learning or AI model or "
    'otherwise ingesting Spotify Content into a machine learning or AI model"'
)


def check_terms(dataset: Dataset) -> None:
    """Refuse to train on what may not be trained on.

    Raises
    ------
    DatasetError
        If an example came from Spotify's Web API; the message holds the clause.
    """
    marked = sum(
        example.extra.get(NOTE_COLUMN, "").startswith("Spotify Web API") for example in dataset.examples
    )
    if marked:
        raise DatasetError(
            f"{marked:,} of {counted(len(dataset.examples), 'example')} of {printable(dataset.source)} came from Spotify's Web API; "
            f"{SPOTIFY_CLAUSE}.",
            "Use an open set ('genrekit datasets list'), or your own sound files: genrekit ingest ... --match DIR, without "
            "playlists of the Web API.",
        )
