"""Inputs that are short, narrow, silent or broken: a row each, and none is lost."""

import json
import subprocess
import sys

import numpy as np
import pytest
import soundfile as sf

from genrekit.prediction import load_model, predict
from genrekit.preparation import Cache


def song(seconds, sr, seed=0):
    """Beats of noise with a melody."""
    rng = np.random.default_rng(seed)
    n = max(2, round(seconds * sr))
    beats = np.repeat(rng.uniform(0.05, 1, n // (sr // 4) + 1), sr // 4)[:n]
    return (0.3 * rng.normal(size=n) * beats + 0.1 * np.sin(np.arange(n) * 0.05 * (1 + beats))).astype(
        np.float32
    )


def click(seconds, sr):
    y = np.zeros(seconds * sr, np.float32)
    y[len(y) // 2] = 0.9
    return y


NAN = np.full(16000, np.nan, np.float32)
SOUNDS = {
    "shorter than a patch": (song(1.0, 16000), 16000, None),
    "a quarter of a second": (song(0.3, 16000), 16000, None),
    "shorter than that": (song(0.1, 16000), 16000, "0.1"),
    "8 kHz": (song(7, 8000), 8000, None),
    "4 kHz, the least": (song(7, 4000), 4000, None),
    "48 kHz": (song(4, 48000), 48000, None),
    "two channels": (np.stack([song(4, 16000), song(4, 16000, 1)], axis=1), 16000, None),
    "silence with one click": (click(20, 16000), 16000, "too little sound"),
    "silence": (np.zeros(32000, np.float32), 16000, "silent"),
    "nothing but NaN": (NAN, 16000, "NaN"),
    "NaN in the middle": (np.concatenate([song(4, 16000), NAN, song(4, 16000)]), 16000, ...),
    "infinities": (np.where(np.arange(64000) == 5, np.inf, song(4, 16000)).astype(np.float32), 16000, ...),
    "a constant": (np.full(64000, 0.5, np.float32), 16000, ...),
    "far too loud": (song(4, 16000) * 1e20, 16000, ...),
    "hardly there": (song(4, 16000) * 1e-30, 16000, ...),
}


@pytest.mark.parametrize("model", ["encoder", "tags"])
def test_each_is_a_row_with_a_label_or_with_what_is_wrong(tmp_path, model):
    paths = []
    for k, (y, sr, _) in enumerate(SOUNDS.values()):
        paths.append(tmp_path / f"{k:02}.wav")
        sf.write(paths[-1], y, sr, subtype="FLOAT")
    (tmp_path / "x.wav").write_bytes(b"RIFF nothing")
    paths.append(tmp_path / "x.wav")
    rows = list(predict(paths, model=model, jobs=1, cache=Cache(enabled=False)))
    assert [row.id for row in rows] == [str(path) for path in paths]
    assert rows[-1].error
    for (name, (_, _, wanted)), row in zip(SOUNDS.items(), rows[:-1], strict=True):
        if wanted is None:
            assert row.error is None, (name, row.error)
        elif wanted is not ...:
            assert wanted in (row.error or ""), (name, row.error)
        if row.error is None:
            assert isinstance(row.familiar, bool), name
            assert all(np.isfinite(score) for _, score in row.scores), name


def test_windows_that_are_not_finite_are_an_error_and_no_score():
    model = load_model("encoder")
    window = np.full((1, 2, 187, 96), np.nan, np.float32)
    with pytest.raises(Exception, match="not probabilities"):
        model.runtime.scores(window)


@pytest.mark.night
def test_a_thousand_songs_with_one_unreadable(tmp_path):
    """One row per song in order, status 3, and a label for each of the others."""
    for k in range(1000):
        sf.write(tmp_path / f"{k:04}.wav", song(0.5 + k % 7 / 4, 8000, seed=k), 8000)
    (tmp_path / "0617.wav").write_bytes(b"RIFF" + bytes(200))
    words = ["predict", str(tmp_path), "--model", "encoder", "-f", "jsonl", "-j", "2"]
    run = subprocess.run([sys.executable, "-m", "genrekit", *words], capture_output=True, text=True)
    assert run.returncode == 3, run.stderr
    rows = [json.loads(line) for line in run.stdout.splitlines()]
    assert [row["input"][-8:-4] for row in rows] == [f"{k:04}" for k in range(1000)]
    assert [k for k, row in enumerate(rows) if row["error"]] == [617]
    assert all(row["label"] and isinstance(row["familiar"], bool) for row in rows if not row["error"])
