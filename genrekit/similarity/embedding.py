"""Vectors of inputs: the embeddings of a model, or what replaces them in a model without."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from genrekit.backends import EMBEDDINGS, OUTPUT, ReadsTables
from genrekit.errors import GenrekitError, MediaError
from genrekit.features import TIMBRE_SIZE
from genrekit.hashing import content_of
from genrekit.media import audio, read_song_tags
from genrekit.prediction import Model, Pipeline, Scored, TableTask, Task
from genrekit.preparation import Preparation
from genrekit.similarity.course import course_of
from genrekit.similarity.rows import Row
from genrekit.text import clean, sentence
from genrekit.types import Content, Example, Modality, Prediction

VectorKind = Literal["embeddings", "sound", "features", "scores"]
WITH_EMBEDDINGS = ("embeddings", "sound")
MAX_TEXT = 500
_EPS = 1e-6
_ARTIST = ("artist", "artists", "artist_name", "track_artist", "performer")
_TITLE = ("title", "track_name", "name", "track")


def kind_of(model: Model) -> tuple[VectorKind, int]:
    """Return what the vectors of a model are, and how many numbers they have.

    Returns
    -------
    kind : {'embeddings', 'sound', 'features', 'scores'}
        Embeddings where the graph has them, of songs with their timbre behind them ('sound'); else the prepared numbers where
        a window is a row of them; else the log odds of the scores, which say less.
    size : int > 0
    """
    size = model.runtime.embedding_size
    if size is not None:
        if model.backend.info.modality is Modality.AUDIO:
            return "sound", size + TIMBRE_SIZE
        return "embeddings", size
    shape = model.bundle.manifest.input_shape
    if len(shape) == 1 and shape[0] and not model.bundle.manifest.members:
        return "features", shape[0]
    return "scores", len(model.labels)


def vectors_of(model: Model, kind: VectorKind, windows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the vectors, without the timbre, and the scores of windows, in one pass of the graph.

    Parameters
    ----------
    model : Model
    kind : {'embeddings', 'sound', 'features', 'scores'}
    windows : np.ndarray [shape=(n, *shape)]

    Returns
    -------
    vectors : np.ndarray [shape=(n, size)]
    scores : np.ndarray [shape=(n, n_labels), dtype=float32]
    """
    outputs = model.runtime.outputs(windows, tuple(dict.fromkeys((OUTPUT, *outputs_of(kind)))))
    return from_outputs(kind, windows, outputs), outputs[OUTPUT]


def outputs_of(kind: VectorKind) -> tuple[str, ...]:
    """Return the outputs of the graph that vectors are made of; none for features."""
    if kind in WITH_EMBEDDINGS:
        return (EMBEDDINGS,)
    return (OUTPUT,) if kind == "scores" else ()


def from_outputs(kind: VectorKind, windows: np.ndarray, outputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the vectors of windows [shape=(n, size)], without the timbre.

    Parameters
    ----------
    kind : {'embeddings', 'sound', 'features', 'scores'}
    windows : np.ndarray [shape=(n, *shape)]
    outputs : Mapping of str to np.ndarray
        Those of `outputs_of`, for these windows.
    """
    if kind in WITH_EMBEDDINGS:
        return outputs[EMBEDDINGS]
    if kind == "features":
        return np.where(np.isfinite(windows), windows, np.nan).astype(np.float32)
    scores = np.clip(outputs[OUTPUT].astype(np.float64), _EPS, 1 - _EPS)
    log_odds: np.ndarray = np.log(scores / (1 - scores))
    return log_odds


def mean_vector(kind: VectorKind, vectors: np.ndarray, timbre: np.ndarray | None = None) -> np.ndarray:
    """Return the vector of an input: the mean over its windows, and for 'sound' its timbre.

    Parameters
    ----------
    kind : {'embeddings', 'sound', 'features', 'scores'}
    vectors : np.ndarray [shape=(n_windows, size)]
        Of `from_outputs`; missing numbers do not count.
    timbre : np.ndarray [shape=(TIMBRE_SIZE,)], optional

    Returns
    -------
    np.ndarray [shape=(size,), dtype=float32]

    Raises
    ------
    MediaError
        If the timbre is needed, and not there: the input is not a song with its samples.
    """
    mean = _mean(vectors)
    if kind != "sound":
        return mean
    if timbre is None:
        raise MediaError("Songs are compared by their samples too, which this input does not have.")
    return np.concatenate([mean, timbre.astype(np.float32)])


def _mean(vectors: np.ndarray) -> np.ndarray:
    there = ~np.isnan(vectors)
    total = np.where(there, vectors, 0).sum(axis=0, dtype=np.float64)
    count = there.sum(axis=0)
    with np.errstate(invalid="ignore"):
        return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """A row of an index with its vector [shape=(size,)]."""

    row: Row
    vector: np.ndarray


def name_of(example: Example) -> str:
    """Return the name of an example in an index: its absolute path, with its part if it is one of several in a file."""
    if example.path is None or example.address is not None:
        return example.id
    path = absolute(example.path)
    return f"{path}#{example.offset_s:.3f}" if example.extra.get("start_s") else path


def absolute(path: str | Path) -> str:
    """Return a path from the root; links stay as they are."""
    return os.path.abspath(path)  # noqa: PTH100


def stat_of(path: str) -> tuple[int, int]:
    """Return size and time of the last change of a file; zeros if it cannot be had."""
    try:
        found = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return 0, 0
    return found.st_size, found.st_mtime_ns


def embed(pipeline: Pipeline, kind: VectorKind, task: Task, preparation: Preparation) -> Embedded:
    """Make the row and the vector of a prepared example.

    Raises
    ------
    MediaError
        If it was not prepared.
    BundleError
        If the graph rejects it.
    """
    windows = preparation.windows
    if windows is None:
        raise MediaError(preparation.error or "The input could not be prepared.")
    model = pipeline.models[task.model]
    vectors, scores = vectors_of(model, kind, windows.values)
    prediction = pipeline.prediction(task, preparation, Scored(scores))
    row = about(task.example, preparation.content)
    if row.length_s is None and windows.times_s:
        row = replace(row, length_s=windows.times_s[-1][1] - windows.times_s[0][0])
    row = replace(_predicted(row, prediction), course=course_of(model, windows.values))
    return Embedded(row, mean_vector(kind, vectors, preparation.timbre))


def about(example: Example, content: Content | None) -> Row:
    """Return the facts of a file or a row of numbers without its vector: tags, length, content."""
    artist, title = _cell(example.extra, _ARTIST), _cell(example.extra, _TITLE)
    genres: tuple[str, ...] = ()
    length_s = example.duration_s
    path = None
    if example.path is not None and example.address is None:
        path = absolute(example.path)
        with suppress(MediaError):
            tags = read_song_tags(example.path)
            artist, title = artist or tags.artist, title or tags.title
            genres = tags.genres
        if length_s is None:
            with suppress(GenrekitError):
                whole_s = audio.info(example.path).duration_s
                length_s = None if whole_s is None else max(0.0, whole_s - example.offset_s)
    n_bytes, mtime_ns = stat_of(path) if path else (0, 0)
    return Row(
        name=name_of(example),
        path=path,
        n_bytes=n_bytes,
        mtime_ns=mtime_ns,
        sha256=content.sha256 if content else "",
        sound_key=content.sound_key if content else "",
        artist=_text(artist),
        title=_text(title),
        genres="|".join(filter(None, (_text(genre).replace("|", "/") for genre in genres))),
        length_s=length_s,
    )


def embed_table(
    pipeline: Pipeline, kind: VectorKind, task: TableTask
) -> Iterator[Embedded | tuple[str, str]]:
    """Make the rows and vectors of a table, in order and in bounded memory.

    Yields
    ------
    Embedded, or (str, str)
        Per row; a row that cannot be read as its name and the reason.
    """
    model, decision = pipeline.models[task.model], pipeline.decisions[task.model]
    assert isinstance(model.backend, ReadsTables)
    path = None if task.address else absolute(task.table.path)
    name = path or task.name
    n_bytes, mtime_ns = stat_of(path) if path else (0, 0)
    with task.at_hand() as opened:
        content = content_of(opened.path)
        reader = None
        for frame in opened.frames():
            yield from ((f"{name}#row {number}", sentence(why, "The row")) for number, why in frame.broken)
            if not frame.table.num_rows:
                continue
            reader = reader or model.backend.open_table(frame.table)
            read = reader.read(frame.table)
            numbers = frame.numbers.tolist()
            yield from (
                (f"{name}#row {numbers[i]}", sentence(why, "The row")) for i, why in read.errors.items()
            )
            good = [i for i in range(len(numbers)) if i not in read.errors]
            if not good:
                continue
            vectors, scores = vectors_of(model, kind, read.windows[good])
            cells = frame.table.select(list(task.others)).take(good).to_pylist()
            extras = [{key: "" if cell is None else str(cell) for key, cell in one.items()} for one in cells]
            names = [f"{name}#row {numbers[i]}" for i in good]
            for k, prediction in enumerate(decision.rows(names, scores, extras, content)):
                row = Row(
                    name=names[k],
                    path=path,
                    n_bytes=n_bytes,
                    mtime_ns=mtime_ns,
                    sha256="",  # of the table, not of the row
                    artist=_text(_cell(extras[k], _ARTIST)),
                    title=_text(_cell(extras[k], _TITLE)),
                )
                yield Embedded(_predicted(row, prediction), vectors[k])


def _predicted(row: Row, prediction: Prediction) -> Row:
    return replace(
        row,
        label=prediction.label or "",
        score=None if prediction.score is None else round(float(prediction.score), 6),
        note=_text(prediction.note or ""),
    )


def _cell(cells: object, names: tuple[str, ...]) -> str:
    if not isinstance(cells, dict):
        return ""
    folded = {str(key).strip().casefold().replace(" ", "_"): str(value) for key, value in cells.items()}
    return next((folded[name] for name in names if folded.get(name)), "")


def _text(text: str) -> str:
    """Return a text of a file as one printable line of bounded length."""
    return clean(text).encode("utf-8", "replace").decode()[:MAX_TEXT]
