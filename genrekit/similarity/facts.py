"""The facts of an index: the model, what its vectors are, and the mean by which they are centred."""

from __future__ import annotations

import math
import os
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from genrekit import __version__
from genrekit.errors import DatasetError, UnknownSourceError, UsageError
from genrekit.files import naming
from genrekit.prediction import Model, find, load_model
from genrekit.text import utf8_name

FORMAT = 2
READABLE = (1, 2)
FACTS = "index.json"
VECTORS = "vectors.f32"
ROWS = "rows.sqlite"
_MAX_BYTES = 16 << 20
_DIGITS = 12


class Facts(BaseModel):
    """The content of ``index.json``.

    Attributes
    ----------
    format : int
        2; 1 before vectors had a timbre.
    genrekit : str
        The version that wrote it.
    model, model_sha256 : str
        Name and hash of the bundle.
    model_path : str or None
        Absolute path of the bundle; None for a shipped model.
    modality : str
        Kind of the inputs: 'audio', 'image' or 'table'.
    vectors : {'embeddings', 'sound', 'features', 'scores'}
        Embeddings of the model; of songs with their timbre behind them; the prepared numbers of a model without embeddings; or the log odds of its scores.
    size : int > 0
        Numbers per vector.
    finished : bool
        False while it is written, and after an interruption.
    mean, scale : list of float or None
        What is subtracted from the vectors of a finished index, and what they are then divided by.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, protected_namespaces=())

    format: int = FORMAT
    genrekit: str = __version__
    model: str
    model_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    model_path: str | None = None
    modality: str
    vectors: Literal["embeddings", "sound", "features", "scores"]
    size: int = Field(gt=0, le=1 << 20)
    finished: bool = False
    mean: list[float] | None = None
    scale: list[float] | None = None

    @property
    def noun(self) -> str:
        """Kind of one row: 'song', 'picture' or 'row'."""
        return {"audio": "song", "image": "picture"}.get(self.modality, "row")

    @field_validator("mean", "scale")
    @classmethod
    def _finite(cls, values: list[float] | None) -> list[float] | None:
        if values is not None and not all(map(math.isfinite, values)):
            raise ValueError("not finite")
        return values

    def check_model(self, model: Model, name: Path) -> None:
        """Check that a model is the one of the index.

        Raises
        ------
        UsageError
            If it is another.
        """
        if model.bundle.sha256 != self.model_sha256:
            same = " of other contents" if model.name == self.model else ""
            raise UsageError(
                f"{name} was made with the model {self.model!r} (sha256 {self.model_sha256[:_DIGITS]}); vectors of "
                f"{model.name!r}{same} (sha256 {model.bundle.sha256[:_DIGITS]}) cannot be compared with it.",
                "Leave --model out, or make an index with this model under another --output.",
            )

    def load_model(self, name: Path) -> Model:
        """Load the model of the index.

        Raises
        ------
        UsageError
            If it is not there any more.
        """
        try:
            model = load_model(self.model_path or self.model)
        except Exception as error:
            raise UsageError(
                f"{name} was made with the model {self.model!r}, which cannot be loaded: {error}",
                "Pass the bundle: --model FILE.",
            ) from None
        if model.bundle.sha256 != self.model_sha256:
            raise UsageError(
                f"{name} was made with another version of the model {self.model!r} (sha256 "
                f"{self.model_sha256[:_DIGITS]}; now {model.bundle.sha256[:_DIGITS]}).",
                "Pass that bundle (--model FILE), or make the index again with --overwrite.",
            )
        return model


def path_of(model: Model, given: str | Path | Model | None) -> str | None:
    """Return the absolute path of a model that was given by the path of its bundle."""
    if given is None or isinstance(given, Model):
        return None
    path = Path(given)
    if not path.is_file() or find(given).sha256 != model.bundle.sha256:
        return None
    return utf8_name(os.path.abspath(path))  # noqa: PTH100 - links stay as they are


def read_facts(folder: Path) -> Facts:
    """Read the facts of an index.

    Raises
    ------
    UnknownSourceError
        If there is no index.
    DatasetError
        If it is damaged, or of another version.
    """
    path = folder / FACTS
    again = "Make it again: genrekit index ... --overwrite"
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        what = (
            "is a file, not an index"
            if folder.is_file()
            else "has no index.json"
            if folder.is_dir()
            else "is not there"
        )
        raise UnknownSourceError(
            f"{folder} {what}; an index is a folder that 'genrekit index' wrote.",
            f"Make one: genrekit index music/ -o {folder.name or 'music.index'}",
        ) from None
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror or error}.") from None
    try:
        return _parsed(data, folder)
    except (ValidationError, ValueError):
        raise DatasetError(f"{path} is damaged.", again) from None


def _parsed(data: bytes, folder: Path) -> Facts:
    if len(data) > _MAX_BYTES:
        raise ValueError("too long")
    import json

    fields: Any = json.loads(data)
    if not isinstance(fields, dict):
        raise ValueError("not an object")
    if isinstance(version := fields.get("format"), int) and version not in READABLE:
        writer = fields.get("genrekit", "another version")
        raise DatasetError(
            f"{folder} is an index of format {version}, written by genrekit {writer}; genrekit {__version__} reads formats "
            f"up to {FORMAT}.",
            "Use that version of genrekit, or make the index again: genrekit index ... --overwrite",
        )
    facts = Facts.model_validate(fields)
    if any(values is not None and len(values) != facts.size for values in (facts.mean, facts.scale)):
        raise ValueError("lengths differ")
    return facts


def write_facts(folder: Path, facts: Facts) -> None:
    """Write the facts of an index in one step."""
    path = folder / FACTS
    with naming(path), NamedTemporaryFile(dir=folder, prefix=".index-", delete=False) as part:
        part.write(facts.model_dump_json(indent=1).encode("utf-8", "replace") + b"\n")
        part.flush()
        os.fsync(part.fileno())
    Path(part.name).replace(path)
