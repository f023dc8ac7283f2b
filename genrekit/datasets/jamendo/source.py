"""``jamendo``: addresses, licence and citation of MTG-Jamendo, as https://github.com/MTG/mtg-jamendo-dataset has them."""

from __future__ import annotations

from genrekit.datasets.base import Dataset
from genrekit.datasets.jamendo.loader import SPLITS, open_jamendo
from genrekit.datasets.source import DataSource, OpenOptions, Part, RemoteFile

HOST = "https://cdn.freesound.org/mtg-jamendo/raw_30s/audio-low/"
LISTS = "https://raw.githubusercontent.com/MTG/mtg-jamendo-dataset/"
# Checksums are taken from the list at a fixed commit: they were wrong once (issue 39 there).
DIGESTS = f"{LISTS}d6252e4a3b378ba045b0159401b805b3a0cfe9de/data/download/raw_30s_audio-low_sha256_tars.txt"
SHARD_BYTES = 1_560_000_000  # the README: 156 GB in low quality
SHARDS = 100  # shard 73 holds the tracks whose number ends in 73


def _read(source: str, options: OpenOptions) -> Dataset:
    return open_jamendo(source)


SOURCE = DataSource(
    name="jamendo",
    title="MTG-Jamendo, genre subset",
    good_for="training with several genres per song: 55,215 whole tracks, 95 genre tags, artists apart in its splits",
    licence="audio: a Creative Commons licence per track; metadata: CC BY-NC-SA 4.0",
    how="genrekit datasets fetch jamendo:genre --shards 0-3 --to DIR (a hundredth of the songs per shard)",
    citation="""@inproceedings{bogdanov2019mtg,
  author    = {Bogdanov, Dmitry and Won, Minz and Tovstogan, Philip and Porter, Alastair and Serra, Xavier},
  title     = {The {MTG-Jamendo} Dataset for Automatic Music Tagging},
  booktitle = {Machine Learning for Music Discovery Workshop, International Conference on Machine Learning (ICML)},
  year      = {2019},
  url       = {http://hdl.handle.net/10230/42015}
}""",
    homepage="https://github.com/MTG/mtg-jamendo-dataset",
    parts=(
        Part(
            "genre",
            "mono mp3 of variable rate in 100 shards, whole tracks",
            tuple(
                RemoteFile(
                    name := f"raw_30s_audio-low-{shard:02d}.tar",
                    HOST + name,
                    digest_list=DIGESTS,
                    size_bytes=SHARD_BYTES,
                )
                for shard in range(SHARDS)
            ),
            needs=("split",),
            shards=True,
        ),
        Part(
            "split",
            "the genre tags and the first of the published splits",
            tuple(
                RemoteFile(
                    name := f"autotagging_genre-{word}.tsv",
                    f"{LISTS}3680551546d02fda11d52f686fd9e5de6999e005/data/splits/split-0/{name}",
                )
                for word in SPLITS
            ),
        ),
    ),
    read=_read,
)
