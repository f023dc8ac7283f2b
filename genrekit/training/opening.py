"""Sources opened for a backend, with errors that say which backend reads them."""

from __future__ import annotations

import statistics

from genrekit.backends import Backend, BackendConfig, BackendInfo, PreparesInParts, registry
from genrekit.datasets import Ambiguous, Dataset, Reading, open_dataset
from genrekit.errors import DatasetError, UnknownSourceError
from genrekit.tables import DATA_FRAME
from genrekit.text import counted, printable, quote_all
from genrekit.training.choice import backends_for
from genrekit.types import SPECTROGRAM, Say, Sources, is_data_frame, listed_sources

ROW_SR = 22050


def open_for(
    backend: Backend,
    config: BackendConfig,
    source: Sources,
    *,
    merge_labels: bool = False,
    ambiguous: Ambiguous = "drop",
    read: Reading | None = None,
) -> Dataset:
    """Open a source for a backend: as a table if the backend understands its columns, else as files.

    A backend that accepts spectrograms receives them if the source has more of them than of songs.

    Parameters
    ----------
    backend, config
        The recipe that will prepare the examples.
    source, merge_labels, ambiguous
        As for `genrekit.datasets.open_dataset`.
    read : {'table', 'audio', 'spectrogram'}, optional
        Content to read if the source has more than one kind.

    Raises
    ------
    DatasetError
        If the source cannot be read this way, holds arrays of a kind that the backend does not accept, has rows of another
        window length, or examples with several labels and ``config`` is not multi-label.
    """
    info = backend.info
    # A combination reads the tables of its members.
    recipes = [one for one, _ in backend.parts] if isinstance(backend, PreparesInParts) else [backend]
    able = info.columns and read != "audio"
    tables = {one.info.name: one.info.columns for one in recipes if one.info.columns} if able else {}
    try:
        dataset = open_dataset(
            source,
            schemas=tables,
            modality=info.modality,
            prefer=read or ("table" if tables else None if SPECTROGRAM in info.arrays else "audio"),
            spectrograms=SPECTROGRAM in info.arrays,
            merge_labels=merge_labels,
            ambiguous=ambiguous,
        )
    except UnknownSourceError:
        raise
    except DatasetError as error:
        others, holds = backends_for(source, ambiguous=ambiguous, read=read)
        if not others or info.name in others:
            raise
        names = [DATA_FRAME if is_data_frame(one) else str(one) for one in listed_sources(source)]
        raise DatasetError(
            f"{' + '.join(map(printable, names))} holds {holds}, which the backend {info.name!r} does not read; "
            f"{quote_all(others)} {'do' if others[1:] else 'does'}.",
            f"Use --backend {others[0]}, or a model of it.",
        ) from error
    check_arrays(dataset, info)
    check_fit(dataset, backend, config)
    return dataset


def check_fit(dataset: Dataset, backend: Backend, config: BackendConfig) -> None:
    """Raise an error if a config cannot learn from the examples.

    Parameters
    ----------
    dataset : Dataset
        The examples with their labels.
    backend : Backend
        The backend that is to learn from them.
    config : BackendConfig
        Its config.

    Raises
    ------
    DatasetError
        If they have several labels and ``config`` is not multi-label, or are rows of another window length.
    """
    _check_labels(dataset, backend, config)
    _check_window_length(dataset, config)


def check_arrays(dataset: Dataset, info: BackendInfo) -> None:
    """Raise an error if the examples are arrays of a kind that the backend does not accept.

    Parameters
    ----------
    dataset : Dataset
        The examples.
    info : BackendInfo
        Info of the backend that is to learn from them.

    Raises
    ------
    DatasetError
        With the names of the backends that accept them.
    """
    kind = next((e.kind for e in dataset.examples if e.kind and e.kind not in info.arrays), None)
    if kind is None:
        return
    able = [item.name for item in registry.listings() if item.info and kind in item.info.arrays]
    hint = f"Use --backend {able[0]}, or give" if able else "Give"
    raise DatasetError(
        f"{printable(dataset.source)} holds {kind}s, which the backend {info.name!r} cannot read"
        + (f"; {quote_all(able)} can." if able else "."),
        f"{hint} the songs themselves.",
    )


def _check_labels(dataset: Dataset, backend: Backend, config: BackendConfig) -> None:
    several = [example.id for example in dataset.examples if len(example.labels) > 1]
    if not several or (backend.info.multilabel and config.multilabel):
        return
    others = f" and {len(several) - 1} more" if several[1:] else ""
    raise DatasetError(
        f"{printable(several[0])}{others} of {counted(len(dataset.examples), 'example')} have several labels; the backend "
        f"{backend.info.name!r} learns one label per example"
        + (" by default." if backend.info.multilabel else "."),
        "Train with --multilabel (in a config: multilabel: true) to learn all of them, or keep one of them."
        if backend.info.multilabel
        else "Keep one of them in the label column.",
    )


def _check_window_length(dataset: Dataset, config: BackendConfig) -> None:
    """Compare the length of rows, in samples at 22,050 Hz as in Kaggle's tables, with ``window_s``."""
    window_s = getattr(config, "window_s", None)
    lengths = [float(e.extra["length"]) for e in dataset.examples if e.extra.get("length", "").isdecimal()]
    if window_s is None or not lengths:
        return
    length_s = statistics.median(lengths) / ROW_SR
    if not 0.9 <= length_s / window_s <= 1.1:
        raise DatasetError(
            f"The rows of {dataset.source} describe {length_s:.3g} s of sound each; window_s is {window_s:g}.",
            f"Use --set window_s={length_s:.3g}, or --read audio where there are songs.",
        )


def describe(dataset: Dataset, say: Say) -> None:
    """Report what was opened, what was left out, and notes for the user.

    Parameters
    ----------
    dataset : Dataset
    say : callable
        Receives the lines.
    """
    counts = ", ".join(f"{label} {count}" for label, count in dataset.counts.items())
    say(f"{dataset.source}: {counted(len(dataset.examples), 'example')} as {dataset.layout}: {counts}")
    for note in dataset.notes:
        say(f"note: {note}")
    shown = 10 - min(10, sum(dataset.removed.values()))  # the notes cover what cleaning removed
    for name, reason in dataset.left_out[:shown]:
        say(f"left out {name}: {reason}")
    if len(dataset.left_out) > shown:
        say(f"'genrekit datasets show' lists the {len(dataset.left_out)} that were left out, with reasons")
