"""The ``gtzan`` backend: the 57 features of the well-known GTZAN table, and a classifier over them."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from genrekit.backends.base import BackendConfig, BackendInfo, Fitted, Prepared, Progress, tuned
from genrekit.errors import MediaError
from genrekit.features import GTZAN_COLUMNS
from genrekit.types import Example, Modality, Windows


class GtzanConfig(BackendConfig):
    """Settings of the ``gtzan`` backend."""

    window_s: float = Field(
        30.0,
        ge=0.5,
        le=600,
        description="Length of a window in seconds; each window becomes one row of features.",
    )
    classifier: Literal["auto", "lda", "svm", "forest", "xgboost", "logistic"] = Field(
        "auto",
        json_schema_extra=tuned("auto", "lda", "svm", "forest", "xgboost", "logistic"),
        description="The classifier; 'auto' compares all of them on training folds and keeps the best.",
    )
    transform: Literal["auto", "standard", "power"] = Field(
        "auto",
        json_schema_extra=tuned("auto", "standard", "power"),
        description="Transform of the features before the classifier; 'auto' chooses on training folds.",
    )
    folds: int = Field(5, ge=2, le=20, description="Folds of the comparison and of the calibration.")


class GtzanBackend:
    """The 57 features of the GTZAN table, and calibrated classifiers over them."""

    info: ClassVar = BackendInfo(
        name="gtzan",
        summary="57 statistics of timbre, harmony and rhythm, and the best of five calibrated classifiers or their vote.",
        modality=Modality.AUDIO,
        feature_version="1",
        prepare_keys=("window_s",),
        columns=GTZAN_COLUMNS,
    )
    Config: ClassVar = GtzanConfig

    def prepare(self, example: Example, config: GtzanConfig) -> Windows:
        """Compute one row of 57 features per window, or use the row of the example.

        Silent windows are dropped: they have no information about the genre of a song.

        Parameters
        ----------
        example : Example
        config : GtzanConfig

        Returns
        -------
        Windows
            Values [shape=(n_windows, 57), dtype=float32].

        Raises
        ------
        MediaError
            If the example cannot be read, is silent, or has values that are not finite.
        """
        import numpy as np

        if example.row is not None:
            # Values that are too large become infinite, and are refused below.
            with np.errstate(over="ignore"):
                values = np.array([[example.row[name] for name in GTZAN_COLUMNS]], dtype=np.float32)
            if not np.isfinite(values).all():
                bad = [
                    name
                    for name, value in zip(GTZAN_COLUMNS, values[0], strict=True)
                    if not np.isfinite(value)
                ]
                raise MediaError(f"The row has no finite number in {', '.join(bad)}.")
            return Windows(values)

        from genrekit.features import GTZAN_SR as SR
        from genrekit.features import gtzan_features
        from genrekit.media import audio

        if example.path is None:
            raise MediaError("The example has neither a file nor a row of features.")
        sound = audio.read(
            example.path, sr=SR, offset_s=example.offset_s, duration_s=example.duration_s
        ).require()
        parts = audio.windows(sound.y, SR, config.window_s)
        heard = [part for part in parts if not audio.is_silent(part[2])]
        if not heard:
            raise MediaError("The song is silent.")
        values = np.stack([gtzan_features(part, SR) for _, _, part in heard]).astype(np.float32)
        times_s = tuple((example.offset_s + start, example.offset_s + end) for start, end, _ in heard)
        return Windows(values, times_s, sound.note)

    def fit(
        self,
        train: Prepared,
        valid: Prepared | None,
        labels: tuple[str, ...],
        config: GtzanConfig,
        progress: Progress,
    ) -> Fitted:
        """Choose on grouped folds of the training split, calibrate, and export."""
        from genrekit.backends.gtzan import fit as gtzan_fit

        return gtzan_fit.fit(train, valid, labels, config, progress)
