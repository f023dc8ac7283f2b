"""``spotify``: the open table of Spotify's audio features, and what is closed."""

from __future__ import annotations

from pathlib import Path

from genrekit.datasets.base import Dataset
from genrekit.datasets.source import DataSource, OpenOptions, Part, RemoteFile
from genrekit.datasets.spotify.loader import open_spotify
from genrekit.errors import DatasetError
from genrekit.tables import open_table
from genrekit.text import printable

TABLE = "spotify_songs.csv"
# The address that data/2020/2020-01-21/readme.md of https://github.com/rfordatascience/tidytuesday gives.
ADDRESS = f"https://raw.githubusercontent.com/rfordatascience/tidytuesday/main/data/2020/2020-01-21/{TABLE}"


def _read(source: str, options: OpenOptions) -> Dataset:
    rest = source.removeprefix("spotify:")
    place = Path(rest).expanduser() if rest.startswith("~/") else Path(rest)
    if not rest or not place.exists():
        raise DatasetError(
            f"{printable(source)} names no table.",
            f"Write spotify:FOLDER, the folder of {TABLE}, or spotify:TABLE.csv.",
        )
    path = place / TABLE if place.is_dir() else place
    if not path.is_file():
        raise DatasetError(
            f"{printable(place)} has no {TABLE}.",
            f"Get it: genrekit datasets fetch spotify --to {printable(place)}",
        )
    return open_spotify(
        source, open_table(path), ambiguous=options.ambiguous, require_labels=options.require_labels
    )


SOURCE = DataSource(
    name="spotify",
    title="Spotify's audio features (TidyTuesday, 2020-01-21)",
    good_for="training on tables of features: tracks of six playlist genres with 12 of the 13 features",
    licence=(
        "none is stated for the table; its values come from Spotify, whose Developer Terms (section IV) forbid "
        "training on content of its Web API"
    ),
    # https://developer.spotify.com/blog, 2024-11-27.
    how=(
        "genrekit datasets fetch spotify --to DIR. Spotify closed its audio features for new applications on "
        "2024-11-27; for other tracks: genrekit ingest ... --features reccobeats, or features of your own sound"
    ),
    citation="""@misc{tidytuesday2020spotify,
  author = {{R4DS Online Learning Community}},
  title  = {Tidy Tuesday: Spotify Songs},
  year   = {2020},
  url    = {https://github.com/rfordatascience/tidytuesday/tree/main/data/2020/2020-01-21}
}""",
    homepage="https://github.com/rfordatascience/tidytuesday",
    parts=(Part("", "a table of tracks with their playlists' genres", (RemoteFile(TABLE, ADDRESS),)),),
    read=_read,
)
