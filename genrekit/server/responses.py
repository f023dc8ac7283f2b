"""Objects of responses, as ``/openapi.json`` describes them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from genrekit.server.feedback_bodies import Deletion, FeedbackBody, FeedbackReceipt, Summary
from genrekit.server.playlist_bodies import FoundPlaylists


class _Open(BaseModel):
    """An object that may have more members than are described."""

    model_config = ConfigDict(extra="allow")


class ProblemModel(_Open):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    hint: str | None = None
    instance: str


class Score(BaseModel):
    """A label with its probability."""

    label: str
    score: float


class Row(_Open):
    """The row of one input, as the command line writes it."""

    input: str
    label: str | None
    score: float | None
    model: str
    error: str | None
    note: str | None
    familiar: bool | None
    labels: list[str]
    scores: list[Score]
    bytes: int | None
    sha256: str | None
    model_sha256: str | None
    sound_key: str | None
    id: str | None = Field(None, description="Of the prediction, where the server takes feedback.")
    receipt: str | None = Field(None, description="Deletes the file, where it is kept.")


class Results(BaseModel):
    """The rows of a request, in the order of its inputs."""

    results: list[Row]
    answered: int = Field(ge=0)
    failed: int = Field(ge=0)


class Picture(BaseModel):
    """A picture inside JSON."""

    media_type: str
    base64: str


class ExplainedRow(Row):
    """A row with the contributions of features to its label, in words."""

    words: str


class Explanation(BaseModel):
    """The explanation of one input's label."""

    row: Row
    words: str
    image: Picture | None


class Explanations(BaseModel):
    """Explanations of the labels of a table's rows."""

    results: list[ExplainedRow]
    answered: int = Field(ge=0)
    failed: int = Field(ge=0)


class WindowEmbedding(BaseModel):
    """The embedding of one window."""

    start_s: float
    end_s: float
    embedding: list[float]


class EmbeddedRow(BaseModel):
    """The embedding of one input: the mean over its windows."""

    input: str
    model: str | None
    embedding: list[float] | None
    error: str | None
    sha256: str | None
    model_sha256: str | None
    windows: list[WindowEmbedding] | None = None


class Embeddings(BaseModel):
    """The embeddings of a request, in the order of its inputs."""

    results: list[EmbeddedRow]
    answered: int = Field(ge=0)
    failed: int = Field(ge=0)


class SimilarRow(BaseModel):
    """A row of the index that is similar."""

    rank: int = Field(ge=1)
    id: int
    input: str
    score: float
    label: str | None
    label_score: float | None
    artist: str
    title: str
    length_s: float | None
    exists: bool


class SimilarQuery(BaseModel):
    """The query of a search."""

    input: str
    id: int | None
    in_index: bool
    artist: str
    title: str


class SimilarRows(BaseModel):
    """The rows of the index that are most similar, best first, and what index that is."""

    query: SimilarQuery
    results: list[SimilarRow]
    songs: int
    model: str
    model_sha256: str


class FlatRow(Row):
    """A row with the words that clients of other systems look for."""

    genre: str | None
    prediction: str | None
    confidence: float | None
    probabilities: dict[str, float]


class FlatResults(_Open):
    """The rows of a request; the members of a single row are at the top level too."""

    results: list[FlatRow]
    answered: int = Field(ge=0)
    failed: int = Field(ge=0)
    genre: str | None = None
    prediction: str | None = None
    confidence: float | None = None
    probabilities: dict[str, float] | None = None


class Invocations(Results):
    """Predictions under the key that MLflow and SageMaker read, with the rows of a request."""

    predictions: list[Row]


class Status(BaseModel):
    """That a server, or a part of it, is well."""

    status: str


class Numbers(BaseModel):
    """The numbers of a model by the names that training loops use."""

    model_exists: bool
    model_path: str
    val_acc: float | None
    val_loss: float | None
    epoch: int | None
    split: str | None
    ready: bool
    model: str


class Genres(BaseModel):
    """The labels of the model for songs."""

    genres: list[str]
    count: int
    model: str


class Tensor(BaseModel):
    """An output of a graph (Open Inference Protocol)."""

    name: str
    datatype: str
    shape: list[int]
    data: list[float]


class Inference(BaseModel):
    """The outputs of a graph (Open Inference Protocol)."""

    id: str | None = None
    model_name: str
    model_version: str
    outputs: list[Tensor]


MODELS: tuple[type[BaseModel], ...] = (
    ProblemModel,
    Results,
    Explanation,
    Explanations,
    Embeddings,
    SimilarRows,
    FlatResults,
    Invocations,
    FeedbackBody,
    FeedbackReceipt,
    Deletion,
    Summary,
    Status,
    Numbers,
    Genres,
    Inference,
    FoundPlaylists,
)
