"""Combinations of trained models: weights and a temperature fitted on held-out examples, saved as one bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

from genrekit import __version__
from genrekit.datasets import Ambiguous, Dataset, Reading, Split
from genrekit.errors import DatasetError, OutputExistsError, UsageError
from genrekit.evaluation import evaluate_on, open_in_words_of, split_of
from genrekit.hashing import hash_bytes
from genrekit.metrics import THRESHOLD, best_threshold
from genrekit.models import (
    BACKEND,
    KEYS,
    Bundle,
    CombinedConfig,
    CombinedMember,
    CombinedRuntime,
    LearntKeys,
    Manifest,
    collect,
    combination,
    dump_keys,
    dumps,
    load,
    loads,
    place_of_labels,
    pooled,
    same_labels,
    save,
    write_card,
)
from genrekit.prediction import Model, load_model
from genrekit.preparation import Cache
from genrekit.text import counted
from genrekit.training import (
    Evaluation,
    PreparedDataset,
    describe,
    gather,
    kept_metrics,
    learnt_keys,
    recognised,
    versions,
)
from genrekit.types import Say, Sources, silent

FEWEST = 10
"""Examples that fitting takes at least."""

Weights = str | Sequence[float]


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
        raise OutputExistsError(f"{output} exists.", "Give --overwrite to replace it, or another --output.")
    if split not in ("valid", "train"):
        raise UsageError(
            f"Weights are fitted on the split valid or train, not on {split!r}.",
            "The test split says how good the result is, and must not be used for fitting.",
        )
    members = [one if isinstance(one, Model) else load_model(one) for one in models]
    _check_members(members)
    given = _given_weights(weights, len(members), has_data=source is not None)
    name = output.name.removesuffix(".genrekit")
    made = _Maker(name, members, about, licence)
    if source is None:
        assert given is not None
        thresholds = _mean_thresholds(members, given)
        data = made.write(output, given, 1.0, thresholds, overwrite=overwrite)
        return Combined(output, data, given, 1.0, None)
    provisional = made.model(given or _equal(len(members)), 1.0, {})
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
            "Give other data, or --weights equal without --data.",
        )
    say(f"fitting on {counted(len(usable), 'example')}: {words}")
    for one in members:
        if n := len(_learnt(one, prepared, usable)):
            say(
                f"note: {one.name} learnt {n} of them, to fit or to stop: the weights may favour the model that "
                "remembers them best"
            )
    fitted = _fit(provisional, prepared, usable, given)
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


@dataclass(frozen=True)
class _Fit:
    weights: tuple[float, ...]
    temperature: float
    thresholds: Mapping[str, float]
    losses: Mapping[str, float]


def _fit(
    model: Model, prepared: PreparedDataset, indices: Sequence[int], given: tuple[float, ...] | None
) -> _Fit:
    """Find weights, unless they are given, and the temperature, of the lowest log loss."""
    runtime = model.runtime
    assert isinstance(runtime, CombinedRuntime)
    selected = prepared.select(indices, model.labels)
    scores = np.concatenate([runtime.member_scores(values) for values in selected.windows], axis=1)
    counts = np.array([len(values) for values in selected.windows])
    starts = np.cumsum(counts) - counts
    targets = selected.targets.astype(np.float64)
    multilabel = model.bundle.manifest.multilabel
    m = len(scores)

    def of_examples(factors: np.ndarray) -> np.ndarray:
        rows = pooled(scores, factors, multilabel=multilabel)
        found: np.ndarray = np.add.reduceat(rows, starts, axis=0) / counts[:, None]
        return found

    def loss(factors: np.ndarray) -> float:
        p = np.clip(of_examples(factors), 1e-12, 1 - 1e-12)
        if multilabel:
            return float(-(targets * np.log(p) + (1 - targets) * np.log1p(-p)).mean())
        return float(-np.log((p * targets).sum(axis=1)).mean())

    if given is None:
        start, scale = np.full(m, 1 / m), np.eye(m)
    else:
        start, scale = np.ones(1), np.array(given)[None]
    found = minimize(lambda x: loss(x @ scale), start, method="L-BFGS-B", bounds=[(1e-3, 20.0)] * len(start))
    factors = found.x @ scale
    factors = np.where(factors > 1e-3, factors, 0.0) if given is None else factors
    weights = tuple(float(f"{value:.6g}") for value in factors / factors.sum())
    temperature = float(f"{1 / factors.sum():.6g}")
    final = np.array(weights) / temperature
    has = targets > 0
    p = of_examples(final).astype(np.float32)
    thresholds = (
        {label: best_threshold(p[:, k], has[:, k]) for k, label in enumerate(model.labels)}
        if multilabel
        else {}
    )
    alone = {f"member {j + 1} alone": round(loss(np.eye(m)[j]), 4) for j in range(m)}
    return _Fit(weights, temperature, thresholds, alone | {"combination": round(loss(final), 4)})


@dataclass(frozen=True)
class _Maker:
    """What makes bundles of some members."""

    name: str
    members: Sequence[Model]
    about: str
    licence: str

    def _manifest(
        self, weights: Sequence[float], temperature: float, thresholds: Mapping[str, float], **more: Any
    ) -> Manifest:
        first = self.members[0].bundle.manifest
        manifests = [one.bundle.manifest for one in self.members]
        backend = combination(manifests, [(one.backend, one.config) for one in self.members], weights)
        names = " and ".join([", ".join(one.name for one in manifests[:-1]), manifests[-1].name])
        licences = dict.fromkeys(one.licence for one in manifests if one.licence)
        return Manifest(
            name=self.name,
            backend=BACKEND,
            modality=first.modality,
            labels=first.labels,
            multilabel=first.multilabel,
            config=CombinedConfig(temperature=temperature, multilabel=first.multilabel).model_dump(
                mode="json"
            ),
            feature_version=backend.info.feature_version,
            columns=backend.info.columns,
            input_shape=(None,),
            outputs=first.outputs,
            thresholds=dict(thresholds),
            versions=versions(),
            about=" ".join(self.about.split()) or f"A combination of {names}.",
            licence=self.licence or "; ".join(licences),
            members=tuple(
                CombinedMember(
                    file=f"member{j}.genrekit",
                    name=one.bundle.manifest.name,
                    backend=one.bundle.manifest.backend,
                    weight=weight,
                    sha256=hash_bytes(self._files[f"member{j}.genrekit"]),
                )
                for j, (one, weight) in enumerate(zip(self.members, weights, strict=True))
            ),
            genrekit=__version__,
            **more,
        )

    @cached_property
    def _files(self) -> dict[str, bytes]:
        return {f"member{j}.genrekit": _content(one.bundle) for j, one in enumerate(self.members)}

    def model(self, weights: Sequence[float], temperature: float, thresholds: Mapping[str, float]) -> Model:
        """Return the combination as a model in memory."""
        manifest = self._manifest(weights, temperature, thresholds, data=self._data())
        native = dict(self._files)
        if keys := self._keys(None):
            native[KEYS] = dump_keys(keys)
        bundle = loads(dumps(manifest, onnx=None, native=native, card=write_card(manifest)))
        backend = combination(
            [one.bundle.manifest for one in self.members],
            [(one.backend, one.config) for one in self.members],
            weights,
        )
        return Model(bundle, backend, CombinedConfig(temperature=temperature, multilabel=manifest.multilabel))

    def write(
        self,
        output: Path,
        weights: Sequence[float],
        temperature: float,
        thresholds: Mapping[str, float],
        *,
        measured: Evaluation | None = None,
        learnt: LearntKeys | None = None,
        fitted_on: str = "",
        history: Mapping[str, Any] | None = None,
        overwrite: bool,
    ) -> Bundle:
        """Save the combination, and return it as it was saved."""
        data = self._data() | ({"combined": fitted_on} if fitted_on else {})
        keys = self._keys(learnt)
        if keys:
            data["keys"] = keys.counts
        manifest = self._manifest(
            weights,
            temperature,
            thresholds,
            data=data,
            metrics=kept_metrics(measured.report) if measured else None,
            history=dict(history or {}),
        )
        native = self._files | ({KEYS: dump_keys(keys)} if keys else {})
        save(output, manifest, onnx=None, native=native, card=write_card(manifest), overwrite=overwrite)
        return load(output)

    def _data(self) -> dict[str, Any]:
        """Return the facts on the training data that all members share."""
        facts = [one.bundle.manifest.data for one in self.members]
        same = {key: value for key, value in facts[0].items() if all(one.get(key) == value for one in facts)}
        same.pop("keys", None)
        if "fingerprint" not in same:
            sources = dict.fromkeys(str(one["source"]) for one in facts if "source" in one)
            same = {"source": " and ".join(sources)} if sources else {}
        return same

    def _keys(self, more: LearntKeys | None) -> LearntKeys | None:
        """Return the content keys of all members, and of what was fitted on; None if a member has none."""
        found = [one.bundle.learnt for one in self.members]
        if any(one is None for one in found):
            return None
        all_keys = [one for one in [*found, more] if one is not None]
        columns = {one.row_columns for one in all_keys if "row" in one.keys}
        keys = [
            (kind, int(key))
            for one in all_keys
            for kind, values in one.keys.items()
            if kind != "row" or len(columns) == 1  # keys of rows mean the same only over the same columns
            for key in values
        ]
        return collect(keys, columns.pop() if len(columns) == 1 else ())


def _content(bundle: Bundle) -> bytes:
    """Return the file of a bundle as it was loaded; one that is gone is written anew from memory."""
    try:
        content = bundle.path.read_bytes() if bundle.path else b""
    except OSError:
        content = b""
    if hash_bytes(content) == bundle.sha256:
        return content
    native = {name: data for name, data in bundle.files.items() if name.endswith(".safetensors")}
    return dumps(bundle.manifest, onnx=bundle.onnx, native=native, card=bundle.card)


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
                f"{one.name!r} is given twice.", "Give each model once, and --weights for its share."
            )
        if one.bundle.manifest.members:
            names = ", ".join(member.name for member in one.bundle.manifest.members)
            raise UsageError(
                f"{one.name!r} is a combination of {names}; combinations are not combined again.",
                "Give the models that it is made of.",
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
                f"One of {first.name!r} and {one.name!r} gives one label and the other several; a combination "
                "needs models that do the same."
            )
        if not same_labels(one.labels, first.labels):
            only = sorted({*one.labels} ^ {*first.labels})
            raise UsageError(
                f"{first.name!r} and {one.name!r} have different labels ({', '.join(only[:10])}); a combination needs "
                "models with the same labels.",
                "'genrekit compare' measures such models on the labels that both know.",
            )


def _given_weights(weights: Weights | None, n: int, *, has_data: bool) -> tuple[float, ...] | None:
    """Return the weights that are given, which then sum to 1; None if they are to be fitted."""
    if weights is None:
        weights = "fitted" if has_data else "equal"
    if weights == "fitted":
        if not has_data:
            raise UsageError(
                "Fitting weights needs labelled data.",
                "Add --data SOURCE, or give --weights equal or --weights 0.3,0.7.",
            )
        return None
    if weights == "equal":
        return _equal(n)
    wrong = UsageError(
        f"--weights {weights!r} is not 'fitted', 'equal', or {n} numbers of at least 0.",
        f"For example: --weights {','.join(['1'] * n)}",
    )
    try:
        values = [float(value) for value in (weights.split(",") if isinstance(weights, str) else weights)]
    except ValueError:
        raise wrong from None
    total = sum(values)
    if len(values) != n or min(values) < 0 or not np.isfinite(total) or total <= 0:
        raise wrong
    return tuple(value / total for value in values)


def _equal(n: int) -> tuple[float, ...]:
    return (1 / n,) * n


def _mean_thresholds(members: Sequence[Model], weights: Sequence[float]) -> dict[str, float]:
    """Return the weighted mean of the members' thresholds in log odds, for several labels per example."""
    if not members[0].bundle.manifest.multilabel:
        return {}
    labels = members[0].labels
    limits = []
    for one in members:
        own = np.array([one.bundle.manifest.thresholds.get(label, THRESHOLD) for label in one.labels])
        limits.append(own[None, place_of_labels(labels, one.labels)])
    means = pooled(np.stack(limits), np.asarray(weights), multilabel=True)[0]
    return dict(zip(labels, means.tolist(), strict=True))


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
                "Give --split train, or other data.",
            )
        return found, list(indices), f"the {split} split ({found.method})"
    return None, list(range(len(dataset.examples))), "all examples that no member learnt"


def _learnt(model: Model, prepared: PreparedDataset, indices: Sequence[int]) -> list[int]:
    learnt = model.bundle.learnt
    return recognised(prepared, indices, learnt, model.backend.info) if learnt else []
