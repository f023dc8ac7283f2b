"""The settings in examples/ are settings that a backend takes."""

from pathlib import Path

import pytest

from genrekit.backends import registry
from genrekit.backends.config import make_config, read_config_file

EXAMPLES = Path(__file__).parents[1] / "examples"
FILES = sorted(EXAMPLES.glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_config_is_valid(path):
    config = make_config(registry.get("spectrogram"), read_config_file(path))
    assert config.multilabel == (path.stem == "fifty_tags")


def test_there_are_some():
    assert len(FILES) >= 3
