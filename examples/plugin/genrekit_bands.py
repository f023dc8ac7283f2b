"""A complete genrekit backend: how loud a song is in 24 frequency bands, and a logistic regression."""

from itertools import pairwise

import numpy as np
from pydantic import Field

from genrekit.backends import BackendConfig, BackendInfo, Fitted, tuned
from genrekit.media import audio
from genrekit.types import Modality, Windows

SR = 22050
BANDS = 24


class BandsConfig(BackendConfig):
    window_s: float = Field(10.0, ge=1, le=60, description="Length of a window in seconds.")
    C: float = Field(
        1.0,
        gt=0,
        le=1e4,
        description="Inverse strength of the regularisation.",
        json_schema_extra=tuned(low=0.01, high=100, log=True),
    )


class BandsBackend:
    info = BackendInfo(
        name="bands",
        summary="The loudness of 24 frequency bands, and a logistic regression.",
        modality=Modality.AUDIO,
        feature_version="1",
        prepare_keys=("window_s",),
    )
    Config = BandsConfig

    def prepare(self, example, config):
        # read() also says what could not be heard; require() refuses what is silent or next to nothing
        sound = audio.read(
            example.path, sr=SR, offset_s=example.offset_s, duration_s=example.duration_s
        ).require()
        parts = audio.windows(sound.y, SR, config.window_s)
        values = np.stack([band_levels_db(part) for _, _, part in parts])
        at = example.offset_s
        return Windows(values, tuple((at + start, at + end) for start, end, _ in parts), sound.note)

    def fit(self, train, valid, labels, config, progress):
        from skl2onnx import to_onnx
        from skl2onnx.common.data_types import FloatTensorType
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        X = np.concatenate(train.windows)
        y = np.repeat(train.targets.argmax(axis=1), [len(w) for w in train.windows])
        progress(f"fitting {len(X)} windows")
        model = make_pipeline(StandardScaler(), LogisticRegression(C=config.C, max_iter=2000)).fit(X, y)
        graph = to_onnx(
            model,
            initial_types=[("windows", FloatTensorType([None, BANDS]))],
            final_types=[("label", None), ("scores", None)],
            options={"zipmap": False},
            target_opset=18,
        )
        del graph.graph.output[0]  # the label; genrekit wants the scores alone
        return Fitted(
            onnx=graph.SerializeToString(),
            native={},
            check_windows=X[:256],
            check_scores=model.predict_proba(X[:256]),
        )


def band_levels_db(y):
    power = np.abs(np.fft.rfft(y)) ** 2
    edges_hz = np.geomspace(50, SR / 2, BANDS + 1)
    edges = np.searchsorted(np.fft.rfftfreq(len(y), 1 / SR), edges_hz)
    levels = [power[a : max(b, a + 1)].mean() for a, b in pairwise(edges)]
    return (10 * np.log10(np.maximum(levels, 1e-10))).astype(np.float32)
