"""The one content hash: what cannot be read is an error with words."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from genrekit.errors import MediaError
from genrekit.hashing import content_of, hash_array


@pytest.mark.parametrize("name", ["no-such.wav", "a\0.wav", "x" * 5000, "."])
def test_a_path_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(MediaError, match="cannot be read"):
        content_of(tmp_path / name)


def test_arrays_hash_by_dtype_shape_and_values() -> None:
    array = np.arange(6, dtype="<f4").reshape(2, 3)
    same = [array.astype(">f4"), np.asfortranarray(array), np.pad(array, 1)[1:-1, 1:-1]]
    assert {hash_array(other) for other in same} == {hash_array(array)}
    others = [array.astype("<f8"), array.reshape(3, 2), array.view("<u4"), array + np.float32(1e-6)]
    assert len({hash_array(other) for other in [array, *others]}) == 5


def test_a_pipe_or_device_is_refused_before_it_is_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "endless.wav").symlink_to("/dev/zero")
    for name in ("pipe.wav", "endless.wav"):
        with pytest.raises(MediaError, match="not a regular file"):
            content_of(tmp_path / name)
