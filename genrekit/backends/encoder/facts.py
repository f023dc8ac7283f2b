"""Facts of a pretrained encoder: its input, its layers and its terms."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
Text = Annotated[str, StringConstraints(max_length=1000, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
Axis = Literal["n", 1, "frames", "mels", "samples"]


class Hearing(BaseModel):
    """Input of an encoder: patches of a mel spectrogram, or of samples.

    Attributes
    ----------
    input : {'mel', 'samples'}
        Content of a patch.
    sr : int
        Samples per second.
    patch : int
        Length of a patch, in frames or in samples.
    axes : tuple
        The axes of the graph's input: ``n`` patches, then ``frames`` and ``mels`` in their order, or ``samples``, and
        ``1`` for an axis of one.
    level_dbfs : float or None
        The RMS level that sound is brought to first, in dB below full scale; None leaves it as it is.
    n_fft, win_length, hop_length, n_mels, fmin, fmax, mel_scale, equal_area, power, log, gain, offset, pad_mode
        Of the spectrogram, as for `genrekit.features.logmel.scaled_mel`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Literal["mel", "samples"] = "mel"
    sr: int = Field(ge=4000, le=192_000)
    patch: int = Field(ge=1, le=10_000_000)
    axes: tuple[Axis, ...] = Field(("n", "frames", "mels"), min_length=2, max_length=6)
    level_dbfs: float | None = Field(None, ge=-60, le=0)
    n_fft: int = Field(512, ge=16, le=32768, multiple_of=2)
    win_length: int | None = Field(None, ge=16, le=32768)
    hop_length: int = Field(256, ge=1, le=32768)
    n_mels: int = Field(96, ge=1, le=1024)
    fmin: float = Field(0.0, ge=0)
    fmax: float | None = Field(None, gt=0)
    mel_scale: Literal["slaney", "htk"] = "slaney"
    equal_area: bool = True
    power: Literal[1, 2] = 2
    log: Literal["log10", "ln", "db", "none"] = "log10"
    gain: float = Field(1.0, gt=0, le=1e9)
    offset: float = Field(1.0, ge=0, le=1e9)
    pad_mode: Literal["reflect", "constant"] = "reflect"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        lengths = ["samples"] if self.input == "samples" else ["frames", "mels"]
        named = [axis for axis in self.axes if axis != 1]
        if self.axes[0] != "n" or sorted(map(str, named[1:])) != lengths:
            raise PydanticCustomError("axes", f"axes must be n first, then {' and '.join(lengths)}, and 1s")
        if self.input == "mel":
            if not self.fmin < (self.fmax or self.sr / 2) <= self.sr / 2:
                raise PydanticCustomError("fmax", "fmin, fmax and sr / 2 must rise in this order")
            if self.win_length is not None and self.win_length > self.n_fft:
                raise PydanticCustomError("win_length", "win_length is at most n_fft")
            if self.log != "none" and self.offset == 0:
                raise PydanticCustomError("offset", "a logarithm needs an offset above 0")
        if not 0.05 <= self.patch_s <= 120:
            raise PydanticCustomError("patch", f"a patch lasts 0.05 to 120 s; this one {self.patch_s:.3g} s")
        return self

    @property
    def hop(self) -> int:
        """Number of samples per step of a patch."""
        return self.hop_length if self.input == "mel" else 1

    @property
    def patch_s(self) -> float:
        """Length of a patch in seconds."""
        return self.patch * self.hop / self.sr

    @property
    def patch_shape(self) -> tuple[int, ...]:
        """The shape of a patch: (frames, mels) or (samples,)."""
        return (self.patch, self.n_mels) if self.input == "mel" else (self.patch,)


class Layer(BaseModel):
    """A vector of numbers that an encoder gives for a patch.

    Attributes
    ----------
    output : str
        The output of the graph, of shape (n, size).
    size : int
        Its length.
    names : tuple of str
        Meaning of each number of a layer of tags; their values are from 0 to 1.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    output: Name
    size: int = Field(ge=1, le=100_000)
    names: tuple[Name, ...] = Field((), max_length=10_000)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.names and (len(self.names) != self.size or len(set(self.names)) != self.size):
            raise PydanticCustomError("names", f"names must be {self.size} different ones, or none")
        return self


class EncoderFacts(BaseModel):
    """Description of an encoder, available without loading it.

    Attributes
    ----------
    name : str
    summary : str
        One sentence.
    hears : Hearing
    layers : dict of str to Layer
        By the name that the setting ``layer`` takes; the first is what it takes by default.
    embedding : str
        The layer that similarity uses; the first by default.
    licence, citation, trained_on : str
        The terms of the weights, whom to cite, and what they were learnt from.
    sha256 : str
        Of the file of the weights or the graph; empty where the file is not fixed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    summary: Text = ""
    hears: Hearing
    layers: dict[Name, Layer] = Field(min_length=1, max_length=20)
    embedding: str = ""
    licence: Text = ""
    citation: Text = ""
    trained_on: Text = ""
    sha256: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")] = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.embedding and self.embedding not in self.layers:
            raise PydanticCustomError("embedding", f"embedding must be one of {', '.join(self.layers)}")
        return self

    @property
    def default_layer(self) -> str:
        """Layer that a head reads by default."""
        return next(iter(self.layers))

    @property
    def embedding_layer(self) -> Layer:
        """Layer that embeddings are computed from."""
        return self.layers[self.embedding or self.default_layer]
