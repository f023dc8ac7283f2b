"""Events of an upload and of its sender's verdicts, each a JSON object.

The name of an event says when, which kind and whose it is, so that a list of names tells what a store holds.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

Verdict = Literal["right", "wrong", "unsure"]
MAX_COMMENT = 500

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Id = Annotated[str, StringConstraints(pattern=r"^p_[0-9a-f]{31}$")]
Uploader = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Label = Annotated[str, StringConstraints(min_length=1, max_length=200)]

_RECEIPT = re.compile(r"r_[0-9a-f]{48}")
_NAME = re.compile(
    r"events/(?:[0-9a-f]{2}/(?P<sha256>[0-9a-f]{64})|none/\d{4}/\d{2})/"
    r"(?P<time>\d{17})-(?P<kind>keep|feedback)-(?P<uploader>[0-9a-f]{32})-(?P<id>p_[0-9a-f]{31})\.json"
)
_TIME = "%Y%m%d%H%M%S%f"


class Predicted(BaseModel):
    """Prediction of a model for an input.

    Attributes
    ----------
    model, model_sha256 : str
    labels : tuple of str
        What was predicted; empty if the model abstained.
    scores : tuple of (str, float)
        The best labels with their probabilities.
    multilabel : bool
    """

    model_config = ConfigDict(frozen=True)

    model: Annotated[str, StringConstraints(max_length=200)] = ""
    model_sha256: Annotated[str, StringConstraints(max_length=64)] = ""
    labels: tuple[Label, ...] = Field((), max_length=10_000)
    scores: tuple[tuple[Label, float], ...] = Field((), max_length=10_000)
    multilabel: bool = False


class Event(BaseModel):
    """One event: ``keep``, a file was kept with consent; ``feedback``, a user judged a prediction.

    Attributes
    ----------
    kind : {'keep', 'feedback'}
    time : str
        In UTC, ISO 8601.
    id : str
        Id of the prediction.
    uploader : str
        Opaque: 32 hexadecimal digits of a hash.
    giver : str
        Who labelled it, opaque; empty if that is the uploader.
    sha256 : str or None
        The content; None if it was not kept.
    suffix : str
        Suffix of the kept file.
    receipt : str
        SHA-256 of the receipt.
    consent : bool
        Whether the sender agreed that the file is kept.
    predicted : Predicted
    verdict : {'right', 'wrong', 'unsure'} or None
    labels : tuple of str
        What is right; empty if nobody said.
    comment : str
    """

    model_config = ConfigDict(frozen=True)

    kind: Literal["keep", "feedback"]
    time: Annotated[str, StringConstraints(max_length=40)]
    id: Id
    uploader: Uploader
    giver: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{32})?$")] = ""
    sha256: Sha256 | None = None
    suffix: Annotated[str, StringConstraints(pattern=r"^(\.[a-z0-9]{1,8})?$")] = ""
    receipt: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")] = ""
    consent: bool = False
    predicted: Predicted = Predicted()
    verdict: Verdict | None = None
    labels: tuple[Label, ...] = Field((), max_length=10_000)
    comment: Annotated[str, StringConstraints(max_length=MAX_COMMENT)] = ""

    @classmethod
    def parse(cls, content: bytes) -> Self | None:
        """Return an event, or None if it is not one."""
        try:
            return cls.model_validate_json(content)
        except ValidationError:
            return None

    @property
    def when(self) -> datetime:
        """Time of the event; the earliest possible time if it cannot be read."""
        try:
            found = datetime.fromisoformat(self.time)
        except ValueError:
            return datetime.min.replace(tzinfo=UTC)
        return found if found.tzinfo else found.replace(tzinfo=UTC)

    @property
    def name(self) -> str:
        """The name of its object."""
        stamp = self.when.strftime(_TIME)[:17]
        place = f"{self.sha256[:2]}/{self.sha256}" if self.sha256 else f"none/{stamp[:4]}/{stamp[4:6]}"
        return f"events/{place}/{stamp}-{self.kind}-{self.uploader}-{self.id}.json"

    def dump(self) -> bytes:
        """Return it as JSON."""
        return self.model_dump_json().encode()


class EventName(BaseModel):
    """Parts of the name of an event."""

    model_config = ConfigDict(frozen=True)

    name: str
    sha256: str | None
    kind: str
    uploader: str
    id: str
    when: datetime

    @classmethod
    def parse(cls, name: str) -> Self | None:
        """Parse the name of an object; None if it is not the name of an event."""
        found = _NAME.fullmatch(name)
        if found is None:
            return None
        try:
            when = datetime.strptime(f"{found['time']}000", _TIME).replace(tzinfo=UTC)
        except ValueError:
            return None
        return cls(name=name, when=when, **{key: found[key] for key in ("sha256", "kind", "uploader", "id")})


def new_id() -> str:
    """Return the id of a prediction; later ones sort later."""
    return f"p_{time.time_ns() // 1_000_000:011x}{secrets.token_hex(10)}"


def new_receipt() -> str:
    """Return a receipt that cannot be guessed."""
    return f"r_{secrets.token_hex(24)}"


def is_receipt(text: str) -> bool:
    """Return whether a text has the form of a receipt."""
    return _RECEIPT.fullmatch(text) is not None


def hash_receipt(receipt: str) -> str:
    """Return what a store keeps of a receipt."""
    return hashlib.sha256(receipt.encode()).hexdigest()


def opaque(*words: str | bytes) -> str:
    """Return 32 hexadecimal digits that do not reveal the words that they are made from."""
    sha = hashlib.sha256(b"genrekit uploader")
    for word in words:
        raw = word if isinstance(word, bytes) else word.encode("utf-8", "surrogateescape")
        sha.update(len(raw).to_bytes(8, "big") + raw)
    return sha.hexdigest()[:32]


def now() -> str:
    """Return the time in UTC, ISO 8601 with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def days_ago(days: float) -> datetime:
    """Return the time a number of days ago."""
    return datetime.now(UTC) - timedelta(days=days)
