"""The ``encoder`` backend: a pretrained encoder, which is not trained further unless asked, and a small head over its outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from genrekit.backends.base import BackendConfig, BackendInfo, Fitted, Prepared, Progress, tuned
from genrekit.backends.capabilities import PictureAxes
from genrekit.backends.encoder import encoders
from genrekit.backends.encoder.facts import Hearing
from genrekit.errors import GenrekitError, MediaError
from genrekit.types import Example, Modality, Windows

if TYPE_CHECKING:
    import numpy as np

    from genrekit.backends.capabilities import Encode

_MAX_GAIN = 1e6


class EncoderConfig(BackendConfig):
    """Settings of the ``encoder`` backend."""

    hears: Hearing | None = Field(
        None, description="Input of the encoder; taken from the encoder, not set by the user."
    )
    encoder: str = Field(
        "musicnn",
        min_length=1,
        max_length=4096,
        description="A registered encoder, or an ONNX file with a YAML beside it (docs/encoder.md).",
    )
    layer: str = Field(
        "", max_length=200, description="Layer whose outputs the head reads; empty: the first of the encoder."
    )
    window_s: float = Field(
        30.0,
        ge=0.5,
        le=600,
        description="Approximate length of a window in seconds; a window gets one score.",
    )
    patches: int = Field(
        6,
        ge=1,
        le=200,
        description="Number of patches per window that are encoded, evenly spread; fewer are faster.",
    )
    reference_s: float = Field(
        30.0,
        ge=0.5,
        le=3600,
        description="Seconds around a window whose level is brought to that of the encoder.",
    )
    max_windows: int = Field(
        12,
        ge=1,
        le=10_000,
        description="Largest number of windows per song; those of a longer song are evenly spread.",
    )
    pooling: Literal["mean", "mean_std", "mean_std_max"] = Field(
        "mean",
        json_schema_extra=tuned("mean", "mean_std", "mean_std_max"),
        description="Statistics over the patches of a window.",
    )
    head: Literal["auto", "lda", "logistic", "svm", "mlp", "mean"] = Field(
        "auto",
        json_schema_extra=tuned("auto", "lda", "logistic", "svm", "mlp", "mean"),
        description="The head; auto compares them on grouped folds, mean averages all of them.",
    )
    folds: int = Field(
        5, ge=2, le=20, description="Folds of the comparison, the calibration and the thresholds."
    )

    fine_tune: int = Field(
        0,
        ge=0,
        le=20,
        description="Number of last layers of the encoder that are trained further; 0: none. Needs a validation split.",
    )
    fine_tune_epochs: int = Field(
        10, ge=1, le=1000, description="Number of passes over the training examples with fine_tune."
    )
    fine_tune_rate: float = Field(
        1e-4, gt=0, le=1, description="Highest learning rate of AdamW with fine_tune."
    )

    default_grid: ClassVar = {"layer": ("penultimate", "tags"), "pooling": ("mean", "mean_std")}

    @field_validator("encoder", "layer")
    @classmethod
    def _is_there(cls, value: str, info: ValidationInfo) -> str:
        """Check that encoder and layer exist, unless a bundle has the facts of the encoder, which need not be installed."""
        name = value if info.field_name == "encoder" else info.data.get("encoder")
        if info.data.get("hears") is not None or name is None:
            return value
        try:
            layers = encoders.get(name).facts.layers
        except GenrekitError as error:
            raise PydanticCustomError("encoder", "{reason}", {"reason": str(error).rstrip(".")}) from None
        if info.field_name == "layer" and value and value not in layers:
            words = {"known": ", ".join(layers)}
            raise PydanticCustomError("layer", "the encoder has no such layer; it has {known}", words)
        return value

    @model_validator(mode="after")
    def _from_the_encoder(self) -> Self:
        if self.hears is None:
            object.__setattr__(self, "hears", encoders.get(self.encoder).facts.hears)
        return self

    @model_validator(mode="after")
    def _can_be_tuned(self) -> Self:
        if not self.fine_tune or "hears" in self.model_fields_set:
            return self
        encoder = encoders.get(self.encoder)
        parts = getattr(encoder, "parts", None)
        if parts is None:
            raise PydanticCustomError(
                "fine_tune",
                "fine_tune needs an encoder in PyTorch; this one is a graph, which stays as it is",
            )
        most = len(parts[self.layer or encoder.facts.default_layer])
        if self.fine_tune > most:
            raise PydanticCustomError(
                "fine_tune",
                "fine_tune must be {most} or less: so many layers are before the head",
                {"most": most},
            )
        return self

    @property
    def hearing(self) -> Hearing:
        """Input of the encoder."""
        assert self.hears is not None
        return self.hears


class EncoderBackend:
    """A pretrained encoder and a small head."""

    info: ClassVar = BackendInfo(
        name="encoder",
        summary="A network pretrained on 200,000 songs, and the best of four small classifiers over its outputs.",
        modality=Modality.AUDIO,
        feature_version="1",
        prepare_keys=("hears", "window_s", "patches", "reference_s", "max_windows"),
        multilabel=True,
    )
    Config: ClassVar = EncoderConfig

    def prepare(self, example: Example, config: EncoderConfig) -> Windows:
        """Cut patches of every window, at the level and in the form that the encoder takes.

        A song is cut into windows of one length, as near to ``window_s`` as goes; a shorter one is a window with as
        many patches as fit, a patch at least, for which it is repeated. Silent windows are left out: they say nothing
        about the genre of a song.
        """
        import numpy as np

        from genrekit.backends.encoder.patches import patches_of
        from genrekit.media import audio

        if example.path is None:
            raise MediaError("The example is not a file.")
        sr = config.hearing.sr
        sound = audio.read(
            example.path, sr=sr, offset_s=example.offset_s, duration_s=example.duration_s
        ).require()
        y = sound.y
        found = [(a, b) for a, b in _spans(len(y), sr, config) if not audio.is_silent(y[a:b])]
        if not found:
            raise MediaError("The song is silent.")
        if len(found) > config.max_windows:
            found = [found[i] for i in np.linspace(0, len(found) - 1, config.max_windows).round().astype(int)]
        n_patches = max(
            1, min(config.patches, int((found[0][1] - found[0][0]) / sr / config.hearing.patch_s))
        )
        values = np.stack(
            [patches_of(y[a:b] * _gain(y, a, b, config), config.hearing, n_patches) for a, b in found]
        )
        times_s = tuple((example.offset_s + a / sr, example.offset_s + b / sr) for a, b in found)
        return Windows(values, times_s, sound.note)

    def encoding(self, config: EncoderConfig) -> tuple[Mapping[str, Any], Encode]:
        """Return the name of the encoding, and the encoder as a function of windows that returns all layers."""
        from genrekit.backends.encoder.encoding import PatchEncoder
        from genrekit.hashing import hash_bytes

        outputs = [layer.output for layer in encoders.get(config.encoder).facts.layers.values()]
        graph = hash_bytes(encoders.graph(config.encoder))
        return {"graph": graph, "outputs": outputs}, PatchEncoder(config.encoder)

    def picture_axes(self, config: EncoderConfig) -> PictureAxes | None:
        """Return how a window is a picture, patch by patch; None for an encoder that takes samples."""
        if config.hearing.input != "mel":
            return None
        return PictureAxes(height=2, width=1, pieces=0, seconds=config.hearing.patch_s, blocks=(6, 3))

    def fit(
        self,
        train: Prepared,
        valid: Prepared | None,
        labels: tuple[str, ...],
        config: EncoderConfig,
        progress: Progress,
    ) -> Fitted:
        """Encode windows that are not encoded yet, choose a head on grouped folds, calibrate, and write one graph."""
        from genrekit.backends.encoder import fit as encoder_fit

        return encoder_fit.fit(train, valid, labels, config, progress)


def _spans(n: int, sr: int, config: EncoderConfig) -> Iterator[tuple[int, int]]:
    """Yield windows of one length that cover n samples."""
    n_windows = max(1, round(n / (config.window_s * sr)))
    ends = [round(i * n / n_windows) for i in range(n_windows + 1)]
    yield from pairwise(ends)


def _gain(y: np.ndarray, start: int, stop: int, config: EncoderConfig) -> np.float32:
    """Return the gain that brings the sound around a window to the level of the encoder."""
    import numpy as np

    level_dbfs = config.hearing.level_dbfs
    if level_dbfs is None:
        return np.float32(1)
    half = round(config.reference_s * config.hearing.sr / 2)
    middle = (start + stop) // 2
    around = y[max(0, min(start, middle - half)) : max(stop, middle + half)].astype(np.float64)
    rms = float(np.sqrt(np.mean(around**2)))
    return np.float32(min(_MAX_GAIN, 10 ** (level_dbfs / 20) / rms))
