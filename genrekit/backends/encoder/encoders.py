"""Pretrained encoders by name or file: built in, from other packages, or a user's own ONNX export.

Another package registers one in the entry-point group ``genrekit.encoders``: a class or an object with ``facts``
(`EncoderFacts`) and ``graph()``, which returns an ONNX model from patches to the outputs that the facts list.
"""

from __future__ import annotations

import difflib
from functools import cache, lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Protocol

from genrekit.backends.encoder.facts import EncoderFacts
from genrekit.errors import BackendError

GROUP = "genrekit.encoders"
FILE_SUFFIX = ".onnx"
_BUILT_IN = {"musicnn": "genrekit.backends.encoder.musicnn:MusicnnEncoder"}


class Encoder(Protocol):
    """An encoder that can be loaded."""

    @property
    def facts(self) -> EncoderFacts:
        """Input and layers; read without loading its weights."""
        ...

    def graph(self) -> bytes:
        """Return the ONNX model of the encoder: one input of patches, and an output per layer."""
        ...


def names() -> tuple[str, ...]:
    """Return the registered names, sorted, without importing anything."""
    return tuple(sorted({*_BUILT_IN, *_entry_points()}))


def is_file(encoder: str) -> bool:
    """Return whether a value of the setting ``encoder`` means a file and not a name."""
    return encoder.lower().endswith(FILE_SUFFIX)


def get(encoder: str) -> Encoder:
    """Return an encoder by its name, or by the path of an ONNX file with a YAML beside it.

    Raises
    ------
    BackendError
        If the name is unknown or claimed by several packages, or what provides it is broken.
    ConfigError
        If the file or its YAML cannot be used.
    """
    if is_file(encoder):
        from genrekit.backends.encoder.encoder_file import EncoderFile

        return EncoderFile(Path(encoder))
    return _registered(encoder)


@lru_cache(maxsize=2)
def graph(encoder: str) -> bytes:
    """Return the ONNX model of an encoder, checked against its facts; cached, since exporting one takes seconds.

    Raises
    ------
    BackendError
        If the model of an encoder of another package differs from its facts.
    ConfigError
        The same of a file.
    """
    from genrekit.backends.encoder.check import check_graph

    found = get(encoder)
    content = found.graph()
    problem = check_graph(content, found.facts)
    if problem:
        raise BackendError(f"The graph of the encoder {encoder!r} is not what its facts say: {problem}.")
    return content


@cache
def _entry_points() -> dict[str, tuple[EntryPoint, ...]]:
    claims: dict[str, dict[str, EntryPoint]] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda p: (p.name, p.value)):
        claims.setdefault(point.name, {})[point.value] = point
    return {name: tuple(points.values()) for name, points in claims.items()}


@cache
def _registered(name: str) -> Encoder:
    known = _entry_points()
    if name in _BUILT_IN:  # no package can take its place
        point = EntryPoint(name, _BUILT_IN[name], GROUP)
    elif name in known:
        point, *rivals = known[name]
        if rivals:
            targets = ", ".join(claim.value for claim in known[name])
            raise BackendError(
                f"The encoder {name!r} is claimed by several packages ({targets}); none is loaded.",
                "Uninstall all of them but one.",
            )
    else:
        nearest = difflib.get_close_matches(name, names(), n=1)
        raise BackendError(
            f"There is no encoder {name!r}; available: {', '.join(names())}.",
            f"Did you mean {nearest[0]!r}?" if nearest else "Or pass an ONNX file: --set encoder=FILE.onnx",
        )
    try:
        loaded: Any = point.load()
        encoder = loaded() if isinstance(loaded, type) else loaded
        facts = encoder.facts
    except Exception as error:  # a stranger's module may raise anything; it must not take genrekit down
        raise BackendError(
            f"The encoder {name!r} ({point.value}) cannot be loaded: {type(error).__name__}: {error}",
            "Reinstall or remove the package that provides it.",
        ) from error
    if not isinstance(facts, EncoderFacts) or facts.name != name or not hasattr(encoder, "graph"):
        raise BackendError(
            f"The encoder {name!r} ({point.value}) must have facts of that name (EncoderFacts) and graph()."
        )
    return encoder  # type: ignore[no-any-return]
