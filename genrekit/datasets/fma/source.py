"""``fma``: addresses, checksums, licence and citation, as the README of https://github.com/mdeff/fma states them."""

from __future__ import annotations

from genrekit.datasets.base import Dataset
from genrekit.datasets.fma.loader import open_fma
from genrekit.datasets.source import DataSource, OpenOptions, Part, RemoteFile

HOST = "https://os.unil.cloud.switch.ch/fma/"
_GIB = 2**30

# SHA-1 of the release of 2017-05-09, sections "Usage" and "History" of the README.
_FILES = {
    "metadata": ("f0df49ffe5f2a6008d7dc83c6915b31835dfe733", 342 * 2**20),
    "small": ("ade154f733639d52e35e32f5593efe5be76c6d70", 7.2 * _GIB),
    "medium": ("c67b69ea232021025fca9231fc1c7c1a063ab50b", 22 * _GIB),
    "large": ("497109f4dd721066b5ce5e5f250ec604dc78939e", 93 * _GIB),
    "full": ("0f0ace23fbe9ba30ecb7e95f763e435ea802b8ab", 879 * _GIB),
}
_ABOUT = {
    "metadata": "titles, artists, genres and the published split of all tracks",
    "small": "8,000 clips of 30 s, 8 genres of the same size",
    "medium": "25,000 clips of 30 s, 16 genres",
    "large": "106,574 clips of 30 s, 161 genres",
    "full": "106,574 tracks at their full length, 161 genres",
}


def _read(source: str, options: OpenOptions) -> Dataset:
    return open_fma(source, require_labels=options.require_labels)


def _part(name: str) -> Part:
    digest, size = _FILES[name]
    file = f"fma_{name}.zip"
    needs = () if name == "metadata" else ("metadata",)
    return Part(
        name, _ABOUT[name], (RemoteFile(file, HOST + file, f"sha1:{digest}", size_bytes=int(size)),), needs
    )


SOURCE = DataSource(
    name="fma",
    title="Free Music Archive (FMA)",
    good_for="training and comparing song models with a published split that keeps artists together",
    licence="audio: a Creative Commons licence per track; metadata: CC BY 4.0; meant for research",
    how="genrekit datasets fetch fma:small --to DIR",
    citation=r"""@inproceedings{defferrard2017fma,
  author    = {Defferrard, Micha{\"e}l and Benzi, Kirell and Vandergheynst, Pierre and Bresson, Xavier},
  title     = {{FMA}: A Dataset for Music Analysis},
  booktitle = {18th International Society for Music Information Retrieval Conference (ISMIR)},
  year      = {2017},
  url       = {https://arxiv.org/abs/1612.01840}
}""",
    homepage="https://github.com/mdeff/fma",
    parts=tuple(map(_part, ("small", "medium", "large", "full", "metadata"))),
    read=_read,
)
