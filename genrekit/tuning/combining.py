"""Combinations of trained models: weights and a temperature fitted on held-out examples, saved as one bundle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from genrekit.datasets import Ambiguous, Dataset, Reading, Split
from genrekit.errors import DatasetError, OutputExistsError, UsageError
from genrekit.evaluation import evaluate_on, open_in_words_of, split_of
from genrekit.models import Bundle, same_labels
from genrekit.prediction import Model, load_model
from genrekit.preparation import Cache
from genrekit.text import counted
from genrekit.training import (
    Evaluation,
    PreparedDataset,
    describe,
    gather,
    learnt_keys,
    recognised,
)
from genrekit.tuning.combined_bundle import Maker
from genrekit.tuning.weights import Weights, equal, fit, given_weights, mean_thresholds
from genrekit.types import Say, Sources, silent

FEWEST = 10
"""Examples that fitting takes at least."""


@dataclass(frozen=True, eq=False)
class Combined:
    """A saved combination.

    Attributes
    ----------
    path : Path
    bundle : Bundle
    weights : tuple of float
        Per member; they sum to 1.
    temperature : float
    measured : Evaluation or None
        On the test split of the data, if it has one; looked at once, after the fit.
    """

    path: Path
    bundle: Bundle
    weights: tuple[float, ...]
    temperature: float
    measured: Evaluation | None


def combine(
    models: Sequence[Model | str | Path],
    *,
    output: str | Path,
    weights: Weights | None = None,
    source: Sources | None = None,
    split: str = "valid",
    merge_labels: bool = False,
    ambiguous: Ambiguous = "drop",
    read: Reading | None = None,
    about: str = "",
    licence: str = "",
    jobs: int = 1,
    cache: Cache | None = None,
    cluster: str | None = None,
    overwrite: bool = False,
    say: Say = silent,
) -> Combined:
    """Combine models of one kind of input into one bundle.

    Its scores are the weighted mean of the members' calibrated log odds (`genrekit.models.pooling`). Its
    embeddings and its distance are those of the first member.

    Parameters
    ----------
    models : sequence of Model, str or Path
        Two or more, with the same labels.
    output : str or Path
        The bundle to write.
    weights : 'fitted', 'equal' or sequence of float, optional
        One number per model, at least 0. 'fitted' needs ``source``, and is the default with one.
    source : str, Path or DataFrame, or a sequence of them, optional
        Labelled data: weights and temperature are fitted on its validation split, and the result is measured once on its
        test split. The splits are those that the training of the first model that can tell made, or the published ones;
        without splits all examples that no member learnt are for fitting.
    split : {'valid', 'train'}
        The split that weights and temperature are fitted on.
    merge_labels, ambiguous, read, about, licence, jobs, cache, cluster, overwrite, say
        As for `genrekit.train`.

    Returns
    -------
    Combined

    Raises
    ------
    UsageError
        If the models do not fit one another, or the weights do not fit them.
    DatasetError
        If fewer than 10 examples are left to fit on, or as `genrekit.evaluate`.
    OutputExistsError
        If ``output`` exists and ``overwrite`` is false.
    """
    output = Path(output)
    if output.exists() and not overwrite:
        raise OutputExistsError(f"{output} exists.", "Use --overwrite to replace it, or another --output.")
    if split not in ("valid", "train"):
        raise UsageError(
            f"Weights are fitted on the split valid or train, not on {split!r}.",
            "The test split says how good the result is, and must not be used for fitting.",
        )
    members = [one if isinstance(one, Model) else load_model(one) for one in models]
    _check_members(members)
    given = given_weights(weights, len(members), has_data=source is not None)
    name = output.name.removesuffix(".genrekit")
    made = Maker(name, members, about, licence)
    if source is None:
        assert given is not None
        thresholds = mean_thresholds(members, given)
        data = made.write(output, given, 1.0, thresholds, overwrite=overwrite)
        return Combined(output, data, given, 1.0, None)
    provisional = made.model(given or equal(len(members)), 1.0, {})
    dataset = open_in_words_of(
        provisional, source, merge_labels=merge_labels, ambiguous=ambiguous, read=read, say=say
    )
    describe(dataset, say)
    found, indices, words = _examples_to_fit(members, provisional, dataset, split)
    prepared = gather(
        provisional.backend,
        provisional.config,
        dataset,
        indices,
        jobs=jobs,
        cache=cache or Cache(),
        cluster=cluster,
        keys=True,
        say=say,
    )
    if found is None:
        known = {i for one in members for i in _learnt(one, prepared, indices)}
        if known:
            say(f"not used for fitting: {counted(len(known), 'example')} that a member learnt")
        indices = [i for i in indices if i not in known]
    usable = [
        i
        for i in indices
        if i in prepared.windows and set(dataset.examples[i].labels) & set(members[0].labels)
    ]
    if len(usable) < FEWEST:
        raise DatasetError(
            f"{dataset.source} has only {counted(len(usable), 'example')} left to fit weights on ({words}); "
            f"{FEWEST} or more are needed.",
            "Pass other data, or --weights equal without --data.",
        )
    say(f"fitting on {counted(len(usable), 'example')}: {words}")
    for one in members:
        if n := len(_learnt(one, prepared, usable)):
            say(
                f"note: {one.name} learnt {n} of them, to fit or to stop: the weights may favour the model that "
                "remembers them best"
            )
    fitted = fit(provisional, prepared, usable, given)
    model = made.model(fitted.weights, fitted.temperature, fitted.thresholds)
    measured = None
    if found and found.test:
        measured = evaluate_on(
            model, dataset, found, "test", jobs=jobs, cache=cache, cluster=cluster, say=say
        )
    bundle = made.write(
        output,
        fitted.weights,
        fitted.temperature,
        fitted.thresholds,
        measured=measured,
        learnt=learnt_keys(prepared, usable, provisional.backend.info),
        fitted_on=f"weights and temperature on {counted(len(usable), 'example')}: {words}",
        history={"log_loss": fitted.losses},
        overwrite=overwrite,
    )
    return Combined(output, bundle, fitted.weights, fitted.temperature, measured)


def _check_members(members: Sequence[Model]) -> None:
    if not 2 <= len(members) <= 20:
        raise UsageError(
            f"A combination has 2 to 20 models; {len(members)} {'was' if len(members) == 1 else 'were'} given.",
            "For example: genrekit combine a.genrekit b.genrekit -o ab.genrekit",
        )
    first = members[0]
    hashes = [one.bundle.sha256 for one in members]
    for one, sha256 in zip(members, hashes, strict=True):
        if hashes.count(sha256) > 1:
            raise UsageError(
                f"{one.name!r} is given twice.", "Pass each model once, and --weights for its share."
            )
        if one.bundle.manifest.members:
            names = ", ".join(member.name for member in one.bundle.manifest.members)
            raise UsageError(
                f"{one.name!r} is a combination of {names}; combinations are not combined again.",
                "Pass the models that it is made of.",
            )
        if one.bundle.manifest.format == 1:
            raise UsageError(
                f"{one.name!r} is a bundle of format 1, which cannot be put into another.", "Train it again."
            )
        if one.backend.info.modality is not first.backend.info.modality:
            raise UsageError(
                f"{first.name!r} takes {first.backend.info.modality}, {one.name!r} takes "
                f"{one.backend.info.modality}: a combination takes one kind of input."
            )
        if one.bundle.manifest.multilabel != first.bundle.manifest.multilabel:
            raise UsageError(
                f"One of {first.name!r} and {one.name!r} predicts one label and the other several; a combination "
                "needs models that do the same."
            )
        if not same_labels(one.labels, first.labels):
            only = sorted({*one.labels} ^ {*first.labels})
            raise UsageError(
                f"{first.name!r} and {one.name!r} have different labels ({', '.join(only[:10])}); a combination needs "
                "models with the same labels.",
                "'genrekit compare' measures such models on the labels that both know.",
            )


def _examples_to_fit(
    members: Sequence[Model], model: Model, dataset: Dataset, split: str
) -> tuple[Split | None, list[int], str]:
    """Return the split if there is one, the positions to fit on, and what they are in words."""
    for one in (model, *members):
        try:
            found = split_of(one, dataset, split)
        except DatasetError:
            continue
        indices = getattr(found, split)
        if not indices:
            raise DatasetError(
                f"{dataset.source} has no {split} split, or it is empty.",
                "Use --split train, or other data.",
            )
        return found, list(indices), f"the {split} split ({found.method})"
    return None, list(range(len(dataset.examples))), "all examples that no member learnt"


def _learnt(model: Model, prepared: PreparedDataset, indices: Sequence[int]) -> list[int]:
    learnt = model.bundle.learnt
    return recognised(prepared, indices, learnt, model.backend.info) if learnt else []
