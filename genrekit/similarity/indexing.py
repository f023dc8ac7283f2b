"""Indexing: an index is made or updated with the model that suits its inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from genrekit.errors import DatasetError, UsageError
from genrekit.prediction import (
    Input,
    Model,
    Pipeline,
    PredictOptions,
    as_inputs,
    expand,
    load_models,
    load_shipped,
)
from genrekit.preparation import Cache
from genrekit.similarity.embedding import (
    kind_of,
)
from genrekit.similarity.facts import Facts, path_of
from genrekit.similarity.update import Indexed, Update
from genrekit.similarity.writer import Writer
from genrekit.types import Modality, Say, silent

if TYPE_CHECKING:
    from genrekit.execution import AnyPool


def index(
    inputs: Any,
    output: str | Path,
    *,
    model: Model | str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    prune: bool = False,
    pool: AnyPool | None = None,
    jobs: int | None = None,
    timeout_s: float | None = None,
    cache: Cache | None = None,
    say: Say = silent,
    advance: Callable[[], None] = lambda: None,
) -> Indexed:
    """Make an index of songs, pictures or rows of tables, or bring one up to date.

    Parameters
    ----------
    inputs : str, Path, or an iterable of them
        Files, folders, playlists, glob patterns and addresses.
    output : str or Path
        The folder of the index. If it exists, what is new or changed is added to it.
    model : Model, str or Path, optional
        One model; by default the first shipped one that takes any of the inputs, songs first.
    resume : bool
        Whether to go on with an index whose run was interrupted.
    overwrite : bool
        Whether to make an existing index anew.
    prune : bool
        Whether to remove rows whose files are not there any more.
    pool, jobs, timeout_s, cache
        As for `genrekit.predict`.
    say : callable
        Takes lines for the user.
    advance : callable
        Called after every input.

    Returns
    -------
    Indexed

    Raises
    ------
    UsageError
        If no model takes the inputs, or the index is of another model or cannot be written.
    OutputExistsError
        If the folder is not an index, is not finished, or is being written by another process.
    DatasetError
        If the index is damaged, or nothing could be read.
    """
    with TemporaryDirectory(prefix="genrekit-") as folder:
        given = list(as_inputs(inputs, Path(folder)))
        chosen = _model_for(given, model)
        kind, size = kind_of(chosen)
        facts = Facts(
            model=chosen.name,
            model_sha256=chosen.bundle.sha256,
            model_path=path_of(chosen, model),
            modality=str(chosen.backend.info.modality),
            vectors=kind,
            size=size,
        )
        if kind == "scores":
            say(
                f"note: model {chosen.name} has no embeddings; songs are compared by its scores, which say less"
            )
        pipeline = Pipeline(
            [chosen],
            PredictOptions(unfamiliar="ignore"),
            cache or Cache(),
            pool,
            jobs,
            timeout_s,
            say=say,
        )
        with Writer(Path(output), facts, resume=resume, overwrite=overwrite) as writer:
            if writer.facts.vectors != kind:
                say(
                    f"note: an earlier version of genrekit made {output}, and its vectors are made as they were; --overwrite makes "
                    "it anew"
                )
            run = Update(writer, pipeline, writer.facts.vectors, say, advance)
            run.add(given)
            run.remove_missing(prune)
            if not len(writer.rows):
                reasons = f": {run.done.failed[0][1]}" if run.done.failed else ""
                raise DatasetError(f"Nothing could be indexed{reasons}")
            writer.finish()
            run.done.total = len(writer.rows)
            return run.done


def _model_for(inputs: Sequence[Any], model: Model | str | Path | None) -> Model:
    """Return the model of an index: the given one, or the first shipped one that takes any of the inputs."""
    if model is not None:
        (chosen,) = load_models(model)
        return chosen
    shipped = load_shipped()
    words = [one for one in inputs if isinstance(one, str | Path)]
    for one in shipped:
        kind = one.backend.info.modality
        if any(_takes(found, kind) for found in expand(words, kinds={kind})):
            return one
    if not shipped:
        raise UsageError(
            "There is no model to index with: no shipped model was found.", "Choose a bundle: --model FILE."
        )
    return shipped[0]


def _takes(found: Input, kind: Modality) -> bool:
    from genrekit.media import found_modality, suffix_modality

    if found.error or (found.path is None and found.address is None):
        return False
    is_kind = found_modality(found.path) if found.path else suffix_modality(found.name)
    return is_kind is kind
