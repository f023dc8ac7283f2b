"""Providers of playlists: the protocol, and providers by name from the entry-point group ``genrekit.playlists``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from genrekit.errors import BackendError, UsageError
from genrekit.playlists.playlist import Playlist
from genrekit.playlists.regions import Region, RegionTable
from genrekit.plugins import claims, load, targets
from genrekit.text import nearest, printable, quote_all

GROUP = "genrekit.playlists"
FILE_SUFFIXES = (".yaml", ".yml")


@runtime_checkable
class PlaylistProvider(Protocol):
    """Finds playlists for a genre. Entry points name a class without arguments; `genrekit.testing.check_provider` checks it.

    Attributes
    ----------
    name : str
        As it is registered.
    title : str
        What a page says that it talks to.
    asks : bool
        Whether `find` sends requests; what it finds is then kept for a day.
    frames, media : tuple of str
        Sources of a Content Security Policy for its previews: origins of https://, ``https://*.host``, or ``https:``.
    """

    name: str
    title: str
    asks: bool
    frames: tuple[str, ...]
    media: tuple[str, ...]

    def check(self) -> None:
        """Refuse to work without a key or a setting that is needed.

        Raises
        ------
        UsageError
        """

    def find(self, genre: str, region: Region, limit: int) -> Sequence[Playlist]:
        """Return at most ``limit`` playlists of a region; none if there is none.

        Raises
        ------
        QuotaError
            If it was asked too often.
        DatasetError
            If it does not answer.
        """


def names() -> tuple[str, ...]:
    """Return the registered names, sorted."""
    return tuple(claims(GROUP))


def open_provider(word: str, regions: RegionTable) -> PlaylistProvider:
    """Return a provider by its name, or one that reads a file of playlists.

    Parameters
    ----------
    word : str
        A registered name, or the path of a .yaml file.
    regions : RegionTable
        Regions that the file may name.

    Raises
    ------
    UsageError
        If there is none of this name, the file cannot be used, or a key is missing.
    BackendError
        If what is registered cannot be loaded, or is something else.
    """
    if word.lower().endswith(FILE_SUFFIXES):
        from genrekit.playlists.own import OwnFile

        return OwnFile(Path(word), regions)
    if word not in names():
        guess = nearest(word, names())
        raise UsageError(
            f"There is no provider of playlists {printable(word[:80])!r}; there are {quote_all(names())}.",
            f"Did you mean {guess!r}?" if guess else "A file of your own ends with .yaml.",
        )
    point, *rivals = claims(GROUP)[word]
    if rivals:
        raise BackendError(
            f"The provider {word!r} is claimed by several packages ({targets(claims(GROUP)[word])}).",
            "Uninstall all of them but one.",
        )
    try:
        provider = load(point)
    except Exception as error:  # a module of a third party may raise anything
        raise BackendError(
            f"The provider {word!r} ({point.value}) cannot be loaded: {type(error).__name__}: {error}",
            "Reinstall or remove the package that provides it.",
        ) from error
    if not isinstance(provider, PlaylistProvider) or provider.name != word:
        raise BackendError(
            f"The provider {word!r} ({point.value}) is not a genrekit.playlists.PlaylistProvider of that name.",
            "genrekit.testing.check_provider says what is missing.",
        )
    provider.check()
    return provider
