"""The public conformance suite of the metadata of a data set: names, licence, citation, addresses, hashes."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from genrekit.datasets import DataSource, Part, RemoteFile, parse_digest
from genrekit.testing.requirement import require

_BIBTEX = re.compile(r"@\w+\{\s*[^\s,{}]+\s*,.*\}", re.DOTALL)
MAX_WORDS = 300


def check_source(source: DataSource) -> None:
    """Check that a registered data set has what `genrekit datasets list` and `fetch` rely on; nothing is fetched.

    Its reader is checked by `check_loader`, with data of its own.

    Parameters
    ----------
    source : DataSource

    Raises
    ------
    AssertionError
        With a sentence that says which promise is broken.
    """
    require(isinstance(source, DataSource), "a data set is a genrekit.datasets.DataSource")
    require(
        re.fullmatch(r"[a-z][a-z0-9_-]{1,31}", source.name) is not None,
        f"name is a short lower-case word of two letters at least, not {source.name!r}",
    )
    for what in ("title", "good_for", "licence", "how"):
        words = getattr(source, what)
        require(bool(words.strip()) and words.isprintable(), f"{what} is one line of words")
        require(len(words) <= MAX_WORDS, f"{what} has at most {MAX_WORDS} characters, not {len(words)}")
    citation = source.citation.strip()
    require(not citation or _BIBTEX.fullmatch(citation) is not None, "citation is one BibTeX entry, or empty")
    require(citation.count("{") == citation.count("}"), "the braces of the citation are in pairs")
    require(not source.homepage or _is_https(source.homepage), "homepage is an address of https://, or empty")
    names = [part.name for part in source.parts]
    require(len(set(names)) == len(names), "parts have different names")
    require("" not in names or len(names) == 1, "a part without a name is the only one")
    for part in source.parts:
        _check_part(part, names)
    require(source.read is None or callable(source.read), "read is a function, or None")
    require(source.inspect is None or callable(source.inspect), "inspect is a function, or None")


def _check_part(part: Part, names: list[str]) -> None:
    name = f"part {part.name!r}"
    require(re.fullmatch(r"[a-z0-9_-]{0,32}", part.name) is not None, f"{name} has a short lower-case name")
    require(bool(part.about.strip()), f"{name} says what it holds")
    require(bool(part.files), f"{name} has a file")
    require(set(part.needs) <= set(names) - {part.name}, f"{name} needs parts that are there")
    files = [file.name for file in part.files]
    require(len(set(files)) == len(files), f"the files of {name} have different names")
    for file in part.files:
        _check_file(file)


def _check_file(file: RemoteFile) -> None:
    name = f"file {file.name!r}"
    require(
        re.fullmatch(r"\w[\w.-]{0,120}", file.name) is not None, f"{name} has a plain name without folders"
    )
    require(not file.address or _is_https(file.address), f"{name} has an address of https://, or none")
    require(
        not file.digest_list or _is_https(file.digest_list), f"the list of hashes of {name} is at https://"
    )
    require(file.size_bytes >= 0, f"{name} has a size that is no less than 0")
    if file.digest:
        try:
            parse_digest(file.digest)
        except ValueError as error:
            raise AssertionError(f"the digest of {name}: {error}") from error


def _is_https(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc
