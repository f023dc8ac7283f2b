"""Manifests of bundles: strict, frozen, and read from strict JSON. ``docs/bundle.md`` lists the fields."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from genrekit.errors import BundleError
from genrekit.models.container import FRESH_COPY
from genrekit.types import Modality

FORMAT = 2
"""The format that is written; every earlier one is read. ``docs/bundle-format.md`` says when the number rises."""

MAX_MANIFEST_BYTES = 16 << 20

# No control characters: these strings are printed, and a terminal would interpret them.
_PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f]*$"
Text = Annotated[str, StringConstraints(max_length=1000, pattern=_PRINTABLE)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_PRINTABLE)]
Probability = Annotated[float, Field(ge=0, le=1)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Facts = dict[str, JsonValue]


class Member(BaseModel):
    """Entry of the manifest for a file: its size in bytes and its SHA-256 as 64 hexadecimal digits."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: Sha256
    size: int = Field(ge=0)


class Embeddings(BaseModel):
    """The output ``embeddings`` of a graph: its ``size`` is the length of the vector of a window."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int = Field(ge=1, le=1_000_000)


class Distance(BaseModel):
    """The output ``distance`` of a graph: how far a window is from what the model learnt.

    Attributes
    ----------
    threshold : float or None
        At least 0, in the unit of the output: an example whose windows are farther away on average is unlike
        anything that was learnt. None where nobody set one.
    of_few : tuple of float
        Thresholds of examples of 1, 2, 3 ... windows, where they depend on the number; ``threshold`` is for more.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    threshold: float | None = Field(None, ge=0, allow_inf_nan=False)
    of_few: tuple[Annotated[float, Field(ge=0, allow_inf_nan=False)], ...] = Field((), max_length=1000)

    @model_validator(mode="after")
    def _has_one_for_many(self) -> Self:
        if self.of_few and self.threshold is None:
            raise PydanticCustomError("threshold", "thresholds of few windows go with one for more")
        return self

    def limit(self, n_windows: int) -> float | None:
        """Return the threshold of an example of so many windows."""
        return self.of_few[n_windows - 1] if n_windows <= len(self.of_few) else self.threshold


class Outputs(BaseModel):
    """The outputs of a graph beside ``scores``; None where it does not have one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    embeddings: Embeddings | None = None
    distance: Distance | None = None


class CombinedMember(BaseModel):
    """One model of a combination.

    Attributes
    ----------
    file : str
        The file of its bundle within this one.
    name, backend : str
        As its manifest has them.
    weight : float
        At least 0: its share of the log odds; those of all members sum to 1.
    sha256 : str
        The hash of its bundle.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: Annotated[str, StringConstraints(pattern=r"^member\d{1,2}\.genrekit$")]
    name: Name
    backend: Name
    weight: float = Field(ge=0, le=1, allow_inf_nan=False)
    sha256: Sha256


class Manifest(BaseModel):
    """All facts about a model except its weights.

    Attributes
    ----------
    format : int
        1 or 2; what is written is 2.
    name : str
        Name of the model in predictions.
    backend, backend_version : str, str or None
        The backend that prepares its inputs; the version if it comes from another package.
    modality : Modality
        The kind of input.
    labels : tuple of str
        1 to 10,000 different labels, in the order of the scores.
    multilabel : bool
        Whether a prediction may have more than one label.
    config : dict
        The complete config of the backend.
    feature_version : str
        The backend's ``feature_version`` at training.
    columns : tuple of str
        The columns of the tables that it reads; empty if it reads none.
    input_shape : tuple of int or None
        The shape of one window, None if a length is variable.
    outputs : Outputs
        The outputs of the graph beside ``scores``; a graph has exactly those.
    thresholds : dict of str to float
        Multi-label only: the score above which a label is predicted.
    metrics : dict or None
        The report on the test split, with intervals; None if nothing was measured.
    data : dict
        The training data: source, layout, fingerprint, counts, what was left out, the split.
    data_fingerprint : str or None
        SHA-256 over content, labels, groups and splits of the training data, as `genrekit.training.data_fingerprint`
        makes it: equal for the same data under other names. None if it is not known.
    parent : str or None
        SHA-256 of the bundle of which this is the next version; None if there is none.
    history : dict
        Record of the training.
    versions : dict of str to str
        Python and the libraries that trained it.
    about : str
        Remarks of the author, in a few sentences.
    licence : str
        The licence of the model; empty if unknown.
    members : tuple of CombinedMember
        The models of a combination, whose scores are combined; empty for a model with a graph of its own.
    genrekit : str
        The version that wrote it.
    files : dict of str to Member
        Every other file of the bundle; `genrekit.models.bundle.dumps` fills it in.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    format: int = Field(FORMAT, ge=1, le=FORMAT)
    name: Name
    backend: Name
    backend_version: Text | None = None
    modality: Modality
    labels: tuple[Name, ...] = Field(min_length=1, max_length=10_000)
    multilabel: bool = False
    config: Facts
    feature_version: Text
    columns: tuple[Name, ...] = Field((), max_length=10_000)
    input_shape: tuple[Annotated[int, Field(ge=1, lt=2**31)] | None, ...] = Field(min_length=1, max_length=8)
    outputs: Outputs = Outputs()
    thresholds: dict[Name, Probability] = Field(default_factory=dict)
    metrics: Facts | None = None
    data: Facts = Field(default_factory=dict)
    data_fingerprint: Sha256 | None = None
    parent: Sha256 | None = None
    history: Facts = Field(default_factory=dict)
    versions: dict[Name, Text] = Field(default_factory=dict)
    about: Annotated[str, StringConstraints(max_length=4000, pattern=_PRINTABLE)] = ""
    licence: Text = ""
    members: tuple[CombinedMember, ...] = Field((), max_length=20)
    genrekit: Text
    files: dict[str, Member] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for key in ("labels", "columns"):
            values = getattr(self, key)
            if len(set(values)) != len(values):
                raise ValueError(f"{key} has an entry twice")
        if unknown := sorted(set(self.thresholds) - set(self.labels)):
            raise ValueError(f"thresholds has {unknown[0]!r}, which is not a label")
        if self.thresholds and not self.multilabel:
            raise ValueError("thresholds are for multi-label models only")
        if self.format == 1 and self.outputs != Outputs():
            raise ValueError("outputs beside the scores came with format 2")
        if self.members and (self.format == 1 or len(self.members) < 2):
            raise ValueError("a combination is of format 2, and has two members or more")
        if len({member.file for member in self.members}) != len(self.members):
            raise ValueError("members has a file twice")
        return self


def parse_manifest(content: bytes) -> Manifest:
    """Read a manifest as strict JSON: the format number first, then the rest by the rules of that format.

    In format 1 an unknown key is an error. From format 2 on it is left out: what a reader must understand comes
    with a higher number, and another key is one that a reader can do without.

    Parameters
    ----------
    content : bytes
        A file ``manifest.json``.

    Returns
    -------
    Manifest

    Raises
    ------
    BundleError
        If it is too large, not strict JSON, of a newer format, or has missing or wrong fields.
    """
    if len(content) > MAX_MANIFEST_BYTES:
        raise BundleError(
            f"manifest.json has {len(content)} bytes; at most {MAX_MANIFEST_BYTES} are allowed."
        )
    try:
        # json.loads detects what pydantic's parser accepts: doubled keys, NaN, numbers that overflow a float.
        facts = json.loads(
            content.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_finite, parse_float=_finite
        )
    except (ValueError, RecursionError) as error:
        raise BundleError(f"manifest.json is not strict JSON: {error}.", FRESH_COPY) from None
    number = facts.get("format") if isinstance(facts, dict) else None
    if type(number) is not int or number < 1:
        raise BundleError(f"manifest.json has no format number between 1 and {FORMAT}.", FRESH_COPY)
    if number > FORMAT:
        raise BundleError(
            f"it was written by a newer genrekit (format {str(number)[:20]}; this one reads up to {FORMAT}).",
            "Type: pip install -U genrekit",
        )
    if number > 1 and (unknown := facts.keys() - Manifest.model_fields.keys()):
        content = json.dumps({key: facts[key] for key in facts if key not in unknown}).encode()
    try:
        return Manifest.model_validate_json(content, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[:3]
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))[:80]!r}: {e['msg'][:160]}" for e in first)
        raise BundleError(f"manifest.json is wrong: {wrong}.", FRESH_COPY) from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("an object has the same key twice")
    return value


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is not a finite number")
    return value
