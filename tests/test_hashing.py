"""The one content hash: what cannot be read is an error with words."""

from __future__ import annotations

from pathlib import Path

import pytest

from genrekit.errors import MediaError
from genrekit.hashing import content_of


@pytest.mark.parametrize("name", ["no-such.wav", "a\0.wav", "x" * 5000, "."])
def test_a_path_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(MediaError, match="cannot be read"):
        content_of(tmp_path / name)
