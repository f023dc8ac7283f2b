"""Every backend of songs notes a recording without high frequencies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from genrekit.backends import make_config, registry
from genrekit.types import Example


@pytest.mark.parametrize("name", ["gtzan", "spectrogram", "encoder"])
@pytest.mark.parametrize(("sr", "note"), [(8_000, "nothing above 4 kHz"), (22_050, "")])
def test_the_note_comes_with_the_windows(tmp_path: Path, name: str, sr: int, note: str) -> None:
    backend = registry.get(name)
    y = 0.1 * np.random.default_rng(0).standard_normal(sr * 4)
    sf.write(tmp_path / "song.wav", y, sr)
    windows = backend.prepare(Example("song", path=tmp_path / "song.wav"), make_config(backend, {}))
    assert windows.note == note
