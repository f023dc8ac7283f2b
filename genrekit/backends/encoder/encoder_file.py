"""A user's own encoder: an ONNX file, and a YAML of the same name beside it that describes its inputs and outputs."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from genrekit.backends.config import read_config_file
from genrekit.backends.encoder.facts import EncoderFacts
from genrekit.errors import ConfigError
from genrekit.hashing import hash_bytes

MAX_GRAPH_BYTES = 1 << 30
SUFFIXES = (".yaml", ".yml")
_HINT = "docs/encoder.md shows the YAML of an encoder."


class EncoderFile:
    """An encoder in a file.

    Parameters
    ----------
    path : Path
        The ONNX file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def facts(self) -> EncoderFacts:
        """Facts from the YAML.

        Raises
        ------
        ConfigError
            If there is none, or it is not right.
        """
        if not self.path.is_file():
            raise ConfigError(
                f"The encoder {str(self.path)!r} is {'not a file' if self.path.exists() else 'not there'}."
            )
        found = [self.path.with_suffix(suffix) for suffix in SUFFIXES]
        path = next((candidate for candidate in found if candidate.is_file()), None)
        if path is None:
            raise ConfigError(
                f"The encoder {str(self.path)!r} needs a YAML beside it that says what it hears: {found[0].name}.",
                _HINT,
            )
        values = read_config_file(path, "YAML of an encoder")
        values.setdefault("name", self.path.stem)
        try:
            return EncoderFacts.model_validate(values)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[:5]
            wrong = "; ".join(map(_problem, first))
            raise ConfigError(f"The encoder's YAML {str(path)!r} is wrong: {wrong}.", _HINT) from None

    def graph(self) -> bytes:
        """Return the content of the graph, checked against the YAML.

        Raises
        ------
        ConfigError
            If it cannot be read, or differs from the YAML.
        """
        from genrekit.backends.encoder.check import check_graph

        try:
            size = self.path.stat().st_size
            if not self.path.is_file() or size > MAX_GRAPH_BYTES:
                raise ConfigError(f"The encoder {str(self.path)!r} is not a file of at most 1 GiB.")
            content = self.path.read_bytes()
        except OSError as error:
            raise ConfigError(f"The encoder {str(self.path)!r} cannot be read: {error.strerror}.") from None
        if self.facts.sha256 and hash_bytes(content) != self.facts.sha256:
            raise ConfigError(f"The encoder {str(self.path)!r} does not have the sha256 that its YAML says.")
        if problem := check_graph(content, self.facts):
            raise ConfigError(f"The encoder {str(self.path)!r} cannot be used: {problem}.", _HINT)
        return content


def _problem(detail: Any) -> str:
    key = ".".join(map(str, detail["loc"]))[:80] or "all"
    if detail["type"] == "missing":
        return f"{key} is missing"
    if detail["type"] == "extra_forbidden":
        return f"{key} is not a known key"
    return f"{key}: {detail['msg'][:160]}"
