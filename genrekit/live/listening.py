"""Listening in this process: the pieces of a source to the events of a listener."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import soundfile

from genrekit.live.blocks import Block, Blocks
from genrekit.live.follower import Event, Follower
from genrekit.live.sources import Source
from genrekit.prediction import Input, Model, Pipeline, PredictOptions
from genrekit.preparation import Cache
from genrekit.types import Prediction

ALL_LABELS = 10_000
SILENT = "is silent"


def listen(
    source: Source, model: Model, *, window_s: float, hop_s: float, smooth_s: float, top_k: int
) -> Iterator[Event]:
    """Yield the events of a sound: ``window``, ``change``, ``silence``, ``error``, ``title`` of a radio, and ``final`` at its end.

    The scores of a window are those that ``genrekit predict`` gives to its samples as a file.

    Parameters
    ----------
    source : Source
    model : Model
        One that hears songs.
    window_s, hop_s : float
        Length of a window, and time from one to the next, in seconds.
    smooth_s : float >= 0
    top_k : int >= 1

    Raises
    ------
    GenrekitError
        If a number is out of range, or the source fails.
    """
    blocks = Blocks(source.sr, source.channels, window_s, hop_s)
    follower = Follower(model.labels, smooth_s, top_k, exclusive=not model.bundle.manifest.multilabel)
    pipeline = Pipeline((model,), PredictOptions(top_k=ALL_LABELS), Cache(enabled=False), jobs=1, lists=False)
    with tempfile.TemporaryDirectory(prefix="genrekit-listen-") as folder:
        path = Path(folder) / "window.wav"
        try:
            heard = 0
            for piece in source.pieces:
                heard += len(piece)
                while source.titles:
                    yield {
                        "type": "title",
                        "at_s": round(heard / source.sr, 1),
                        "title": source.titles.popleft(),
                    }
                for block in blocks.push(piece):
                    yield from _events(block, pipeline, follower, path)
            if (rest := blocks.rest()) is not None:
                yield from _events(rest, pipeline, follower, path)
        except KeyboardInterrupt:
            yield follower.final()
            raise
        yield follower.final()


def _events(block: Block, pipeline: Pipeline, follower: Follower, path: Path) -> list[Event]:
    write_block(block, path)
    (finished,) = pipeline.run([Input(path.name, path)])
    assert finished.prediction is not None
    return events_of(finished.prediction, block, follower)


def write_block(block: Block, path: Path) -> None:
    """Write a block as a file that loses nothing."""
    soundfile.write(path, block.samples, block.sr, subtype="FLOAT")


def events_of(prediction: Prediction, block: Block, follower: Follower) -> list[Event]:
    """Return the events of the prediction of a block with the scores of all labels."""
    place = {"start_s": round(block.start_s, 3), "end_s": round(block.end_s, 3)}
    if prediction.error is not None:
        if SILENT in prediction.error:
            return [{"type": "silence", **place}]
        return [{"type": "error", **place, "detail": prediction.error}]
    window, *others = follower.add(block.start_s, block.end_s, dict(prediction.scores))
    return [{**window, "familiar": prediction.familiar, "level_db": round(block.level_db, 1)}, *others]
