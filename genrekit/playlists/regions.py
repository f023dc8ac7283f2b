"""Regions: search words for a genre, per region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from genrekit.backends import read_config_file
from genrekit.errors import ConfigError, UsageError
from genrekit.labels import canonical, display_name
from genrekit.text import nearest, printable, quote_all

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]
Words = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


class _RegionFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    title: dict[Language, Words] = Field(min_length=1)
    words: dict[Language, Words] = Field(min_length=1)
    search: Language
    tags: tuple[Words, ...] = Field(default=(), max_length=8)
    countries: tuple[Country, ...] = Field(default=(), max_length=8)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    regions: dict[Name, _RegionFile] = Field(default_factory=dict, max_length=100)
    genres: dict[Words, dict[Language, Words]] = Field(default_factory=dict, max_length=10_000)


@dataclass(frozen=True)
class Region:
    """A region of the table.

    Attributes
    ----------
    name : str
    title, words : Mapping of str to str
        Its name, and what is searched for with ``{genre}`` in it, by language.
    search : str
        Language of the searches: a key of `words`.
    tags : tuple of str
        Further tags for services that search by tag.
    countries : tuple of str
        ISO 3166-1 codes of radio stations; the first is where a service searches that takes one.
    genres : Mapping
        Name of a genre by canonical label and language.
    """

    name: str
    title: Mapping[str, str]
    words: Mapping[str, str]
    search: str
    tags: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    genres: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)

    def query(self, genre: str) -> str:
        """Return what is searched for.

        Examples
        --------
        >>> read_regions()["khaleeji"].query("jazz")
        'جاز خليجي'
        """
        own = self.genres.get(canonical(genre), {}).get(self.search)
        return self.words[self.search].replace("{genre}", own or display_name(genre))


class RegionTable(dict[str, Region]):
    """Regions by name, in the order of the table."""

    def choose(self, wanted: Sequence[str]) -> tuple[Region, ...]:
        """Return the regions of some names, each once; all of them for none.

        Raises
        ------
        UsageError
            If a name is unknown.
        """
        for name in wanted:
            if name not in self:
                guess = nearest(name, self)
                raise UsageError(
                    f"There is no region {printable(name[:80])!r}; there are {quote_all(self)}.",
                    f"Did you mean {guess!r}?" if guess else "--regions-file FILE adds regions.",
                )
        return tuple(self[name] for name in dict.fromkeys(wanted or self))


def read_regions(path: Path | None = None) -> RegionTable:
    """Read the shipped regions, and those of a file beside them or in their place.

    Parameters
    ----------
    path : Path, optional
        A YAML file of the form of ``genrekit/playlists/regions.yaml``.

    Raises
    ------
    ConfigError
        If the file cannot be read, or has another form.
    """
    with as_file(files("genrekit.playlists").joinpath("regions.yaml")) as shipped:
        tables = [_read(shipped)] + ([_read(path)] if path else [])
    genres = {canonical(name): words for table in tables for name, words in table.genres.items()}
    return RegionTable(
        {
            name: Region(name, **found.model_dump(), genres=genres)
            for table in tables
            for name, found in table.regions.items()
        }
    )


def _read(path: Path) -> _File:
    try:
        table = _File.model_validate(read_config_file(path, "table of regions"))
        for name, found in table.regions.items():
            if found.search not in found.words:
                raise ConfigError(f"{path}: the region {name!r} has no words in {found.search!r}.")
            if not all("{genre}" in text for text in found.words.values()):
                raise ConfigError(
                    f"{path}: the words of the region {name!r} lack {{genre}}.", 'As in en: "{genre} music".'
                )
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            f"{path}: {where}: {first['msg']}.", "docs/genre-playlists.md shows the form of the table."
        ) from None
    return table
