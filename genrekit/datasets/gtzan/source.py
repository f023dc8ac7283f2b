"""``gtzan``: what can be said of its terms and of getting it."""

from __future__ import annotations

from pathlib import Path

from genrekit.datasets.base import Dataset
from genrekit.datasets.gtzan.inspection import inspect
from genrekit.datasets.gtzan.loader import open_gtzan
from genrekit.datasets.source import DataSource, OpenOptions, Part, RemoteFile
from genrekit.errors import UnknownSourceError


def _read(source: str, options: OpenOptions) -> Dataset:
    rest = source.removeprefix("gtzan:")
    if not rest:
        raise UnknownSourceError("gtzan: names no folder.", "Pass the one that holds GTZAN: gtzan:FOLDER.")
    place = Path(rest).expanduser() if rest.startswith("~/") else Path(rest)
    return open_gtzan(
        source, place, schemas=options.schemas, prefer=options.prefer, spectrograms=options.spectrograms
    )


SOURCE = DataSource(
    name="gtzan",
    title="GTZAN Genre Collection",
    good_for="comparing with published numbers; 1,000 clips of 30 s, 10 genres, with known faults",
    licence="none is stated; excerpts of commercial recordings",
    # torchaudio: pytorch/audio#2743 and pull request 2763; mirdata: pull request 700, issues 549 and 659.
    how=(
        "no public host is left (its own server is gone, torchaudio and mirdata took their links out); with an "
        "archive of your own: genrekit datasets fetch gtzan --source genres.tar.gz --to DIR. fma:small is the open "
        "set of the same kind"
    ),
    citation="""@article{tzanetakis2002musical,
  author  = {Tzanetakis, George and Cook, Perry},
  title   = {Musical genre classification of audio signals},
  journal = {IEEE Transactions on Speech and Audio Processing},
  volume  = {10},
  number  = {5},
  year    = {2002}
}""",
    parts=(Part("", "1,000 clips of 30 s, 10 genres of 100", (RemoteFile("genres.tar.gz", ""),)),),
    read=_read,
    inspect=inspect,
)
