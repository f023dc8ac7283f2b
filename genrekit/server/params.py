"""Parameters of a request: the options of the command line by name, in the query or in form fields."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from genrekit.analysis import measures_of
from genrekit.media import MAX_DURATION_S
from genrekit.prediction import PredictOptions
from genrekit.server.problems import Problem
from genrekit.text import nearest

MAX_TOP_K = 10_000
"""As many labels as a model may have."""


def _flag(value: Any) -> Any:
    return True if value == "" else value


Flag = Annotated[bool, BeforeValidator(_flag)]


class Params(BaseModel):
    """The parameters of a prediction."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: tuple[Annotated[str, Field(max_length=200)], ...] = Field(
        (), description="Names of loaded models; the first that takes an input predicts it."
    )
    top_k: int = Field(3, ge=1, le=MAX_TOP_K, description="How many labels a row lists with their scores.")
    min_confidence: float = Field(0.0, ge=0, le=1, description="Below this score a row has no label.")
    unfamiliar: Literal["flag", "abstain", "ignore"] = Field(
        "flag", description="Inputs that are unlike anything the model learnt."
    )
    labels: str = Field("", max_length=10_000, description="Only these labels compete, separated by commas.")
    windows: Flag = Field(False, description="Also the timeline: the genre over time.")
    explain: Flag = Field(
        False, description="Also the contributions of features to the label, from models that have them."
    )
    with_: str = Field("", alias="with", max_length=200, description="Also measure bpm, key, loudness.")
    offset: float = Field(0.0, ge=0, allow_inf_nan=False, description="Skip so many seconds of every song.")
    duration: float | None = Field(
        None, gt=0, allow_inf_nan=False, description="Hear at most so many seconds of every song."
    )
    keep: Flag = Field(
        False,
        description="Consent: the server may keep the file, without its metadata, to learn from it. Without it nothing is kept.",
    )

    def options(self, max_duration_s: float) -> PredictOptions:
        """Return the options of a pipeline.

        Raises
        ------
        UsageError
            If ``with`` asks for something that is not measured.
        """
        return PredictOptions(
            min_confidence=self.min_confidence,
            labels=tuple(label for label in self.labels.split(",") if label.strip()),
            top_k=self.top_k,
            windows=self.windows,
            explain=self.explain,
            unfamiliar=self.unfamiliar,
            measures=measures_of(self.with_),
            offset_s=self.offset,
            duration_s=_shorter(self.duration, max_duration_s),
        )


class SimilarParams(BaseModel):
    """The parameters of a search for similar rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: int | None = Field(
        None, ge=0, description="A row of the index instead of a file: its ``id`` in a result."
    )
    k: int = Field(20, ge=1, le=MAX_TOP_K, description="How many results; fewer where fewer can be.")
    genre: str = Field("", max_length=200, description="Only rows with this predicted label or genre tag.")
    other_artists: Flag = Field(False, description="Only rows of other artists than that of the song.")
    unlike: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        (),
        description="Ids of rows that results must be unlike; a file in the form field ``unlike`` does the same.",
    )
    offset: float = Field(0.0, ge=0, allow_inf_nan=False, description="Skip so many seconds of the song.")
    duration: float | None = Field(
        None, gt=0, allow_inf_nan=False, description="Hear at most so many seconds of the song."
    )

    def options(self, max_duration_s: float) -> PredictOptions:
        """Return the options of a pipeline."""
        return PredictOptions(
            unfamiliar="ignore", offset_s=self.offset, duration_s=_shorter(self.duration, max_duration_s)
        )


def _shorter(duration_s: float | None, max_s: float) -> float | None:
    if duration_s is None:
        return None if max_s >= MAX_DURATION_S else max_s
    return min(duration_s, max_s)


_LISTS = ("model", "unlike")
Kind = TypeVar("Kind", bound=BaseModel)


@cache
def _names(kind: type[BaseModel]) -> frozenset[str]:
    return frozenset(field.alias or name for name, field in kind.model_fields.items())


def read_params(pairs: Iterable[tuple[str, str]]) -> Params:
    """Read the parameters of a prediction; as `read`."""
    pairs = list(pairs)
    return read(pairs, Params) if pairs else _DEFAULT


_DEFAULT = Params()


def read(pairs: Iterable[tuple[str, str]], kind: type[Kind]) -> Kind:
    """Read the parameters of a request; ``top-k`` is ``top_k``.

    Raises
    ------
    Problem
        If there is no such parameter, one is given twice, or a value is out of range.
    """
    found: dict[str, Any] = {}
    names = _names(kind)
    for given, value in pairs:
        name = given.replace("-", "_")
        name = "duration" if name == "max_duration" else name
        if name not in names:
            guess = nearest(name, names)
            raise Problem(
                "bad-request",
                f"There is no parameter {given[:80]!r}; there are {', '.join(sorted(names))}.",
                f"Did you mean {guess}?" if guess else "",
            )
        if name in _LISTS:
            found[name] = (*found.get(name, ()), *(word for word in value.split(",") if word))
        elif name in found:
            raise Problem("bad-request", f"The parameter {name} is there twice.")
        else:
            found[name] = value
    try:
        return kind.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        wrong = str(first["loc"][0])
        raise Problem(
            "bad-request", f"The parameter {wrong} is {str(found.get(wrong))[:80]!r}: {first['msg']}."
        ) from None


def query_schema(kind: type[BaseModel] = Params) -> list[dict[str, Any]]:
    """Return the parameters as OpenAPI describes them."""
    properties = kind.model_json_schema(by_alias=True)["properties"]
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": schema.pop("description", ""),
            "schema": {key: value for key, value in schema.items() if key != "title"},
            **({"style": "form", "explode": True} if name in _LISTS else {}),
        }
        for name, schema in properties.items()
    ]
