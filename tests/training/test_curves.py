import struct

import matplotlib.figure
import pytest

from genrekit.training.curves import draw

pytestmark = pytest.mark.usefixtures("drawn_charts")

CURVE = [
    {"epoch": 1.0, "loss": 1.1, "valid_loss": 1.2, "valid_accuracy": 0.4},
    {"epoch": 2.0, "loss": 0.9, "valid_loss": 1.1, "valid_accuracy": 0.5},
]
ALONE = [{"epoch": 1.0, "loss": 0.3}]


def size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    return struct.unpack(">II", png[16:24])


@pytest.mark.parametrize(
    "history",
    [
        {"train": [CURVE, CURVE], "train_and_valid": [ALONE], "device": "cpu", "grid": [{"a": 1}], "x": []},
        {"train": [ALONE]},
        {"device": "cpu"},
    ],
)
def test_a_picture_of_any_history(history):
    width, height = size(draw(history))
    assert width > 2 * height > 400


def test_the_same_history_gives_the_same_picture():
    assert draw({"train": [CURVE]}) == draw({"train": [CURVE]})
    assert draw({"train": [CURVE]}) != draw({"train": [CURVE[:1]]})


def test_losses_and_scores_are_apart_and_are_named_once(monkeypatch):
    drawn = []
    save = matplotlib.figure.Figure.savefig
    monkeypatch.setattr(
        matplotlib.figure.Figure, "savefig", lambda self, *a, **k: (drawn.append(self), save(self, *a, **k))
    )
    draw({"train": [CURVE, CURVE], "train_and_valid": [ALONE]})
    losses, scores = drawn[0].axes
    names = [text.get_text() for text in losses.get_legend().get_texts()]
    assert sorted(names) == ["loss (train and valid)", "loss (train)", "validation loss (train)"]
    assert [text.get_text() for text in scores.get_legend().get_texts()] == ["validation accuracy (train)"]
    assert len(losses.lines) == 5
    assert list(scores.lines[0].get_xydata()[1]) == [2, 0.5]
