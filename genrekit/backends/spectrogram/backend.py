"""The ``spectrogram`` backend: log-mel spectrograms, and a residual network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from genrekit.backends.base import BackendInfo, Progress
from genrekit.backends.capabilities import PictureAxes
from genrekit.backends.neural.backend import NeuralBackend
from genrekit.backends.neural.config import NeuralConfig
from genrekit.errors import MediaError
from genrekit.types import SPECTROGRAM, Example, Modality, Windows, silent

if TYPE_CHECKING:
    import numpy as np

    from genrekit.backends.spectrogram.recipe import SpectrogramRecipe
    from genrekit.media import Sound


_FRAMES = ("n_fft", "hop_length", "n_mels", "fmin", "fmax", "top_db")

Window = tuple[tuple[float, float], "np.ndarray"]


class SpectrogramConfig(NeuralConfig):
    """Settings of the ``spectrogram`` backend."""

    sr: int = Field(
        22050, ge=4000, le=192_000, description="Sampling rate in Hz that songs are resampled to."
    )
    n_fft: int = Field(2048, ge=64, le=32768, multiple_of=2, description="Samples per frame.")
    hop_length: int = Field(1977, ge=16, le=32768, description="Samples from one frame to the next.")
    n_mels: int = Field(128, ge=32, le=512, description="Mel bands.")
    fmin: float = Field(0.0, ge=0, description="Lowest frequency in Hz.")
    fmax: float | None = Field(None, gt=0, description="Highest frequency in Hz; sr / 2 by default.")
    top_db: float = Field(40.0, ge=10, le=120, description="Floor, in dB below the loudest value.")
    reference_s: float = Field(
        30.0,
        ge=0.5,
        le=3600,
        description="Duration in seconds over which levels are relative to the loudest value; at least a window.",
    )
    window_s: float = Field(
        10.0, ge=0.5, le=600, description="Length of a window in seconds: the input of the network."
    )
    overlap: float = Field(
        0.0,
        ge=0,
        le=0.9,
        description="Share of a window that the next one repeats; more overlap makes more windows to average.",
    )
    max_windows: int = Field(
        360, ge=1, le=10_000, description="Maximum number of windows per song; evenly spaced in longer songs."
    )
    arch: Literal["resnet", "plain", "crnn"] = Field(
        "resnet",
        description="resnet: residual blocks with channel attention; plain: four convolutions; crnn: four convolutions and "
        "a bidirectional GRU over time.",
    )
    width: int = Field(16, ge=4, le=512, description="Channels of the first stage.")
    depth: int = Field(1, ge=1, le=20, description="Residual blocks per stage; resnet only.")
    style: float = Field(
        0.5,
        ge=0,
        le=1,
        description="MixStyle: probability that a crop gets the means and deviations of the bands of another.",
    )
    filter_db: float = Field(
        6.0, ge=0, le=40, description="FilterAugment: largest random change of the frequency response, in dB."
    )
    gain_db: float = Field(0.0, ge=0, le=40, description="Largest random change of level, in dB.")
    time_shift: bool = Field(False, description="Roll crops by a random number of frames.")
    freq_mask: float = Field(
        0.125, ge=0, lt=1, description="SpecAugment: widest masked band, as a share of the bands; 0: off."
    )
    time_mask: float = Field(
        0.11, ge=0, lt=1, description="SpecAugment: longest masked stretch, as a share of the crop; 0: off."
    )
    copies: int = Field(
        0,
        ge=0,
        le=20,
        description="Copies of every training song, shifted in pitch and stretched in time; made once, into the cache.",
    )
    masks: int = Field(2, ge=0, le=10, description="SpecAugment: masks of each kind.")

    @model_validator(mode="after")
    def _frequencies_in_order(self) -> SpectrogramConfig:
        top_hz = self.sr / 2 if self.fmax is None else self.fmax
        if not self.fmin < top_hz <= self.sr / 2:
            raise PydanticCustomError("fmax", "fmin, fmax and sr / 2 must be in ascending order")
        if self.n_frames < 8:
            raise PydanticCustomError(
                "window", "a window needs 8 frames: lengthen window_s or lower hop_length"
            )
        return self

    @property
    def n_frames(self) -> int:
        """Number of frames of a window."""
        return int(self.window_s * self.sr / self.hop_length)


class SpectrogramBackend(NeuralBackend):
    """A backend of log-mel spectrograms and a residual network with channel attention."""

    info: ClassVar = BackendInfo(
        name="spectrogram",
        summary="Log-mel spectrograms, and a residual network with channel attention, single-label or multi-label.",
        modality=Modality.AUDIO,
        feature_version="1",
        prepare_keys=("sr", *_FRAMES, "reference_s", "window_s", "overlap", "max_windows"),
        multilabel=True,
        arrays=(SPECTROGRAM,),
    )
    Config: ClassVar = SpectrogramConfig
    free_axes: ClassVar = {1: "n_frames"}

    def prepare(self, example: Example, config: SpectrogramConfig) -> Windows:
        """Compute the log-mel spectrogram of every window, or cut the precomputed spectrogram of the example into windows.

        Levels are relative to the loudest value within ``reference_s``. A song shorter than a window is repeated to
        fill it; silent windows are dropped: they have no information about the genre of a song.

        Parameters
        ----------
        example : Example
        config : SpectrogramConfig

        Returns
        -------
        Windows
            Values [shape=(n_windows, n_mels, n_frames), dtype=float32] in dB.

        Raises
        ------
        MediaError
            If the example cannot be read, is silent, or its spectrogram does not fit the config.
        """
        if example.array is not None:
            return _windows(list(_seen(example, config)), "", config)
        if example.path is None:
            raise MediaError("The example is neither a file nor a spectrogram.")
        sound = _read(example, config)
        return _windows(list(_heard(sound.y, example.offset_s, config)), sound.note, config)

    def prepare_copy(self, example: Example, config: SpectrogramConfig, number: int) -> Windows:
        """Prepare a copy of a song that is shifted in pitch and stretched in time; of a long song, of two minutes of it.

        Parameters
        ----------
        example : Example
        config : SpectrogramConfig
        number : int >= 1
            Number of the copy.

        Raises
        ------
        MediaError
            If the example cannot be read, is silent, or is not a song.
        """
        from genrekit.backends.spectrogram.copies import altered

        if example.path is None:
            raise MediaError("The example is not a song.")
        y = altered(_read(example, config).y, config.sr, number)
        return _windows(list(_heard(y, 0.0, config)), "", config)

    def picture_axes(self, config: SpectrogramConfig) -> PictureAxes:
        """Return how a window is a picture."""
        seconds = config.n_frames * config.hop_length / config.sr
        return PictureAxes(height=0, width=1, seconds=seconds, blocks=(8, 10))

    def recipe(
        self, config: SpectrogramConfig, n_labels: int, progress: Progress = silent
    ) -> SpectrogramRecipe:
        """Return the networks of a config and their training inputs."""
        from genrekit.backends.spectrogram.recipe import SpectrogramRecipe

        return SpectrogramRecipe(config, n_labels)


def _windows(found: list[Window], note: str, config: SpectrogramConfig) -> Windows:
    import numpy as np

    from genrekit.features import logmel

    if not found:
        raise MediaError("The song is silent.")
    if len(found) > config.max_windows:
        found = [found[i] for i in np.linspace(0, len(found) - 1, config.max_windows).round().astype(int)]
    values = np.stack([logmel.fit_length(mel, config.n_frames) for _, mel in found])
    return Windows(values, tuple(times for times, _ in found), note)


def _read(example: Example, config: SpectrogramConfig) -> Sound:
    from genrekit.media import audio

    assert example.path is not None
    sound = audio.read(example.path, sr=config.sr, offset_s=example.offset_s, duration_s=example.duration_s)
    return sound.require()


def _heard(y: np.ndarray, offset_s: float, config: SpectrogramConfig) -> Iterator[Window]:
    """Yield the windows of a song that are not silent."""
    from genrekit.features import log_mel
    from genrekit.media import audio

    settings = {key: getattr(config, key) for key in _FRAMES}
    for start, stop in _blocks(len(y), config.sr, config):
        part = y[start:stop]
        if len(part) > 1 and not audio.is_silent(part):
            mel = log_mel(part, config.sr, **settings)
            for (start_s, end_s), window in _cut(mel, start / config.sr, len(part) / config.sr, config):
                # Frames extend over the ends of a window, into neighbours that may not be silent.
                if not audio.is_silent(y[round(start_s * config.sr) : round(end_s * config.sr)]):
                    yield (offset_s + start_s, offset_s + end_s), window


def _seen(example: Example, config: SpectrogramConfig) -> Iterator[Window]:
    """Yield the windows of a precomputed spectrogram."""
    import numpy as np

    from genrekit.features import from_levels, from_peak

    mel = example.array
    assert mel is not None
    _check_frames(example, config)
    if len(mel) != config.n_mels:
        raise MediaError(
            f"The spectrogram has {len(mel)} mel bands; n_mels is {config.n_mels}.",
            f"Use --set n_mels={len(mel)}.",
        )
    frame_rate = config.sr / config.hop_length
    blocks = _blocks(mel.shape[1], frame_rate, config)
    has_reference = mel.dtype == np.uint8 and len(blocks) == 1
    if mel.dtype == np.uint8:
        mel = from_levels(mel, config.top_db)
    for start, stop in blocks:
        part = mel[:, start:stop]
        if not has_reference:
            part = from_peak(part, config.top_db)
        yield from _cut(part, start / frame_rate, (stop - start) / frame_rate, config)


def _blocks(n: int, rate: float, config: SpectrogramConfig) -> list[tuple[int, int]]:
    """Return pieces of ``reference_s`` with one reference level each; a remainder of less than half a window joins the last."""
    size = max(1, round(max(config.reference_s, config.window_s) * rate))
    starts = list(range(0, max(n, 1), size))
    if len(starts) > 1 and n - starts[-1] < config.window_s * rate / 2:
        starts.pop()
    return list(zip(starts, [*starts[1:], n], strict=True))


def _cut(mel: np.ndarray, at_s: float, length_s: float, config: SpectrogramConfig) -> Iterator[Window]:
    """Yield times and levels of the windows of one block that are not silent."""
    from genrekit.media import spans

    hop_s = config.hop_length / config.sr
    for start, stop in spans(mel.shape[1], config.n_frames, config.overlap):
        window = mel[:, start:stop]
        if window.min() < window.max():
            yield (at_s + start * hop_s, at_s + min(stop * hop_s, length_s)), window


def _check_frames(example: Example, config: SpectrogramConfig) -> None:
    """Check the parameters in a file of spectrograms against the config, which will be used for songs.

    Raises
    ------
    MediaError
        If they differ.
    """
    for key in ("sr", *_FRAMES):
        given = example.extra.get(f"mel_{key}")
        wanted = getattr(config, key)
        if key == "fmax" and wanted is None:
            wanted = config.sr / 2
        if given is not None and abs(float(given) - wanted) > 1e-3 * abs(wanted):
            raise MediaError(
                f"The spectrogram was computed with {key} = {given}; here it is {wanted:g}.",
                f"Use --set {key}={given}.",
            )
