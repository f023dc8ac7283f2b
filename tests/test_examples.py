"""The settings in examples/ are settings that a backend takes, and the pictures are what their script draws."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from genrekit.backends import registry
from genrekit.backends.config import make_config, read_config_file
from genrekit.datasets import open_dataset
from genrekit.media import images
from genrekit.types import Modality

EXAMPLES = Path(__file__).parents[1] / "examples"
FILES = sorted(EXAMPLES.glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_config_is_valid(path):
    config = make_config(registry.get("spectrogram"), read_config_file(path))
    assert config.multilabel == (path.stem == "fifty_tags")


def test_there_are_some():
    assert len(FILES) >= 3


def test_the_script_draws_what_lies_in_the_repository(tmp_path):
    spec = importlib.util.spec_from_file_location("make_pictures", EXAMPLES / "make_pictures.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.write(tmp_path)
    assert (tmp_path / "pictures.csv").read_text() == (EXAMPLES / "media" / "pictures.csv").read_text()
    for name in script.PICTURES:
        new, kept = (
            images.load(folder / name, size=64).astype(int) for folder in (tmp_path, EXAMPLES / "media")
        )
        # Another Pillow may draw an edge elsewhere; another picture would differ everywhere.
        assert np.abs(new - kept).mean() < 3


def test_the_pictures_are_a_data_set():
    dataset = open_dataset(EXAMPLES / "media" / "pictures.csv", modality=Modality.IMAGE)
    assert len(dataset.examples) == 5
    assert not dataset.left_out
