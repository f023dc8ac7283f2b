"""Objects of requests and responses about corrections, as ``/openapi.json`` describes them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from genrekit.feedback import MAX_COMMENT, Verdict


class FeedbackBody(BaseModel):
    """A verdict on a prediction."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(pattern=r"^p_[0-9a-f]{31}$", description="The id of the row.")
    verdict: Verdict
    label: str | None = Field(None, max_length=200, description="The right label, if the verdict is wrong.")
    labels: list[Annotated[str, Field(max_length=200)]] = Field(
        default_factory=list, max_length=1000, description="The right labels of a multi-label model."
    )
    comment: str = Field("", max_length=MAX_COMMENT)


class FeedbackReceipt(BaseModel):
    """Receipt of feedback: the key that deletes the upload, and the verdict."""

    receipt: str


class Deletion(BaseModel):
    """That a deletion waits for the store."""

    status: str


class Summary(BaseModel):
    """Content of a store, and how often the models were right."""

    kept: int = Field(ge=0, description="Files.")
    bytes: int = Field(ge=0)
    waiting: int = Field(ge=0, description="Orders that wait for the store.")
    feedback: int = Field(ge=0)
    verdicts: dict[str, int]
    agreement: float | None = Field(description="Share of right among right and wrong.")
    by_label: dict[str, dict[str, int]] = Field(description="Verdicts by predicted label.")
    by_model: dict[str, dict[str, int]] = Field(description="Verdicts by model.")
    corrected_to: dict[str, int] = Field(description="How often a label was said to be the right one.")
