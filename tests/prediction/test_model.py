"""A bundle made ready: what its manifest says about its backend is checked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from genrekit.errors import BundleError
from genrekit.models.bundle import MANIFEST
from genrekit.models.container import pack, unpack
from genrekit.prediction import load_model


@pytest.mark.parametrize(("key", "value"), [("max_depth", []), ("no_such_key", 1)])
def test_a_config_that_the_backend_does_not_take(
    tracks_model: Path, tmp_path: Path, key: str, value: object
) -> None:
    members = unpack(tracks_model.read_bytes())
    facts = json.loads(members[MANIFEST])
    facts["config"][key] = value
    path = tmp_path / "other.genrekit"
    path.write_bytes(pack({**members, MANIFEST: json.dumps(facts).encode()}))
    with pytest.raises(BundleError, match=key):
        load_model(path)
