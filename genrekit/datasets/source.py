"""Data sets of the registry: description, licence, origin and loader."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from genrekit.datasets.base import Ambiguous, Dataset, Reading
from genrekit.features import GTZAN_COLUMNS, SPOTIFY_COLUMNS

SCHEMAS: Mapping[str, Sequence[str]] = {"gtzan": GTZAN_COLUMNS, "spotify": SPOTIFY_COLUMNS}


@dataclass(frozen=True)
class OpenOptions:
    """Options of `genrekit.datasets.open_dataset` for a reader, which ignores those that it has no use for.

    Attributes
    ----------
    schemas : Mapping of str to sequence of str
        The feature columns by which a table is recognised.
    prefer : {'table', 'audio', 'spectrogram'}, optional
        Kind of content to read from a source that holds several.
    spectrograms : bool
        Whether precomputed spectrograms will do without being asked for.
    require_labels : bool
        Whether examples without a label are left out.
    ambiguous : {'drop', 'first', 'multi'}
        Treatment of a track that a table lists under several genres.
    """

    schemas: Mapping[str, Sequence[str]] = field(default_factory=lambda: SCHEMAS)
    prefer: Reading | None = None
    spectrograms: bool = False
    require_labels: bool = True
    ambiguous: Ambiguous = "drop"


@dataclass(frozen=True)
class RemoteFile:
    """One file that a data set is distributed as.

    Attributes
    ----------
    name : str
        Its name without folders.
    address : str
        ``https://...``; empty where there is no public host.
    digest : str
        ``sha1:HEX`` or ``sha256:HEX``, as the publisher states it; empty where none is stated.
    digest_list : str
        The address of a list of lines ``HEX NAME`` (SHA-256) that names the file; empty where there is none.
    size_bytes : int
        About how long it is, as the publisher states it; 0 where no size is stated.
    """

    name: str
    address: str
    digest: str = ""
    digest_list: str = ""
    size_bytes: int = 0


@dataclass(frozen=True)
class Part:
    """A part of a data set that is fetched as a whole: ``small`` in ``fma:small``.

    Attributes
    ----------
    name : str
        Empty for a data set that has one part only.
    about : str
        Content, in a few words.
    files : tuple of RemoteFile
    needs : tuple of str
        Other parts without which this one cannot be read; they are fetched with it.
    shards : bool
        Whether a part of the files is of use by itself, so that ``--shards`` may choose.
    """

    name: str
    about: str
    files: tuple[RemoteFile, ...]
    needs: tuple[str, ...] = ()
    shards: bool = False

    @property
    def size_bytes(self) -> int:
        """About how long its files are together; 0 where that is not stated."""
        return sum(file.size_bytes for file in self.files)


@dataclass(frozen=True)
class DataSource:
    """A data set that is registered under a name.

    Attributes
    ----------
    name : str
        The scheme: ``fma`` for ``fma:FOLDER`` and ``fma:small``.
    title : str
    good_for : str
        Purpose, in one sentence.
    licence : str
        Under which terms it may be used.
    how : str
        Way to get it, in one sentence; if it cannot be fetched, the reason and an alternative.
    citation : str
        A BibTeX entry; empty for what nobody published.
    homepage : str
        ``https://...``, or empty.
    parts : tuple of Part
        What `genrekit datasets fetch` gets; empty where nothing is fetched.
    read : callable, optional
        ``read(source, options)`` returns a `Dataset`; None where there is nothing to read.
    inspect : callable, optional
        ``inspect(folder)`` says in sentences what is wrong with a fetched copy; nothing if all is well.
    """

    name: str
    title: str
    good_for: str
    licence: str
    how: str
    citation: str = ""
    homepage: str = ""
    parts: tuple[Part, ...] = ()
    read: Callable[[str, OpenOptions], Dataset] | None = None
    inspect: Callable[[Path], Sequence[str]] | None = None

    def part(self, name: str) -> Part | None:
        """Return the part of this name, or None."""
        return next((part for part in self.parts if part.name == name), None)
