"""Combinations: several models of one kind of input as one, with the preparation of every member done once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import Field

from genrekit.backends import (
    Backend,
    BackendConfig,
    BackendInfo,
    Explainer,
    Explains,
    Fitted,
    Prepared,
    ReadsTables,
    TableReader,
    TableRows,
    make_config,
    registry,
)
from genrekit.errors import BackendError, BundleError, ConfigError
from genrekit.labels import canonical
from genrekit.models.bundle import Bundle, loads
from genrekit.models.joined import join, join_rows, split
from genrekit.models.manifest import Manifest
from genrekit.models.pooling import CombinedRuntime
from genrekit.models.runtime import Runtime
from genrekit.types import Contribution, Example, Windows

if TYPE_CHECKING:
    import pyarrow as pa

BACKEND = "combined"
"""The backend that the manifest of a combination names; it is not a registered one, because nothing trains with it."""

Recipe = tuple[Backend, BackendConfig]


class CombinedConfig(BackendConfig):
    """Settings of a combination."""

    temperature: float = Field(1.0, gt=0, le=1000, description="Divisor of the combined log odds.")


def recipe_of(manifest: Manifest, name: str) -> Recipe:
    """Return the backend and the config of a model with a graph of its own.

    Raises
    ------
    BackendError
        If its backend is not installed.
    BundleError
        If it was trained on other features, or its config is refused.
    """
    backend = registry.get(manifest.backend)
    if backend.info.feature_version != manifest.feature_version:
        raise BundleError(
            f"{name} was trained on version {manifest.feature_version} of the features of backend "
            f"{manifest.backend!r}; version {backend.info.feature_version} is installed.",
            "Train it again, or install the version of genrekit that wrote it: " + manifest.genrekit,
        )
    try:
        return backend, make_config(backend, manifest.config)
    except ConfigError as error:
        raise BundleError(
            f"{name} has a config that its backend rejects: {error.message}",
            "It was edited, or written by another version: " + manifest.genrekit,
        ) from None


@dataclass(frozen=True)
class Combination:
    """The backend of a combination, which prepares and explains inputs but is not trained.

    It has the capabilities that its members have (`combination`), so that everything takes it like another backend.

    Attributes
    ----------
    manifests : tuple of Manifest
        Those of the members.
    recipes : tuple of (Backend, BackendConfig)
        Those of the members.
    weights : tuple of float
        Those of the members, which sum to 1.
    """

    manifests: tuple[Manifest, ...]
    recipes: tuple[Recipe, ...] = field(repr=False)
    weights: tuple[float, ...]
    info: ClassVar[BackendInfo]
    Config: ClassVar[type[BackendConfig]] = CombinedConfig

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the call that chooses the capabilities."""
        return combination, (self.manifests, self.recipes, self.weights)

    @property
    def part_of(self) -> tuple[int, ...]:
        """Per member the preparation that it uses; members with equal settings of ``prepare`` share one."""
        keys = [_preparation(backend, config) for backend, config in self.recipes]
        distinct = list(dict.fromkeys(keys))
        return tuple(distinct.index(key) for key in keys)

    @property
    def parts(self) -> tuple[Recipe, ...]:
        """The distinct preparations."""
        part_of = self.part_of
        return tuple(self.recipes[part_of.index(part)] for part in range(max(part_of) + 1))

    def prepare(self, example: Example, config: Any) -> Windows:
        """Prepare an example once per distinct preparation."""
        return join([backend.prepare(example, its) for backend, its in self.parts])

    def joined(self, parts: Sequence[Windows]) -> Windows:
        """Join what the distinct preparations made of one example."""
        return join(parts)

    def joined_rows(self, windows: np.ndarray) -> np.ndarray:
        """Return joined windows [shape=(n, length)] of windows [shape=(n, *shape)] of the only preparation."""
        return join_rows([windows])

    def fit(
        self, train: Prepared, valid: Prepared | None, labels: tuple[str, ...], config: Any, progress: Any
    ) -> Fitted:
        """Refuse: the members are trained, the combination is not."""
        raise BackendError(
            "A combination is not trained; its members are.", "Combine trained models: genrekit combine A B"
        )

    def member_windows(self, windows: np.ndarray, member: int) -> np.ndarray:
        """Return one window of a member per joined window."""
        ranks = [len(self.manifests[self.part_of.index(part)].input_shape) for part in range(len(self.parts))]
        found: dict[int, np.ndarray] = {}
        for indices, parts in split(np.asarray(windows, dtype=np.float32), ranks):
            found |= zip(indices.tolist(), parts[self.part_of[member]][:, 0], strict=True)
        return np.stack([found[i] for i in range(len(windows))])


class _InTables:
    """Tables in bulk, where every member reads them."""

    def feature_columns(self: Any, columns: Sequence[str]) -> frozenset[str]:
        """Return the columns that the members read; none unless every member reads the table."""
        found = [backend.feature_columns(columns) for backend, _ in self.parts]
        return frozenset().union(*found) if all(found) else frozenset()

    def open_table(self: Any, first: pa.Table) -> TableReader:
        """Return a reader that joins the rows of the members."""
        return _Reader([backend.open_table(first) for backend, _ in self.parts])


@dataclass(frozen=True)
class _Reader:
    readers: Sequence[TableReader]

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(note for reader in self.readers for note in reader.notes))

    def read(self, table: pa.Table) -> TableRows:
        parts = [reader.read(table) for reader in self.readers]
        errors = {row: why for part in reversed(parts) for row, why in part.errors.items()}
        return TableRows(join_rows([part.windows for part in parts]), errors)


class _InWords:
    """Contributions of features, from the members that have them."""

    def explainer(self: Any, members: Mapping[str, bytes]) -> Explainer:
        """Return a function that sums the members' contributions, times their weights."""
        names = [f"member{j}.genrekit" for j in range(len(self.recipes))]
        able = [j for j, (backend, _) in enumerate(self.recipes) if isinstance(backend, Explains)]
        bundles = {j: loads(members[names[j]]) for j in able}
        explainers = {j: self.recipes[j][0].explainer(bundles[j].payload) for j in able}
        labels = _columns(self.manifests)

        def explain(windows: np.ndarray, chosen: Sequence[int]) -> list[tuple[Contribution, ...]]:
            summed: list[dict[str, Contribution]] = [{} for _ in chosen]
            for j in able:
                its = [int(labels[j][k]) for k in chosen]
                for found, row in zip(
                    summed, explainers[j](self.member_windows(windows, j), its), strict=True
                ):
                    for one in row:
                        before = found[one.feature].contribution if one.feature in found else 0.0
                        contribution = before + self.weights[j] * one.contribution
                        found[one.feature] = Contribution(one.feature, one.value, contribution)
            return [tuple(sorted(found.values(), key=lambda one: -abs(one.contribution))) for found in summed]

        return explain


def combination(
    manifests: Sequence[Manifest], recipes: Sequence[Recipe], weights: Sequence[float]
) -> Combination:
    """Return the backend of a combination, with the capabilities of its members.

    It reads tables in bulk if every member does; it explains if one member does.
    """
    backends = [backend for backend, _ in recipes]
    able: list[type] = []
    able += [_InTables] * all(isinstance(backend, ReadsTables) for backend in backends)
    able += [_InWords] * any(isinstance(backend, Explains) for backend in backends)
    infos = [backend.info for backend in backends]
    info = BackendInfo(
        name=BACKEND,
        summary="Several models as one.",
        modality=infos[0].modality,
        feature_version=feature_version(manifests),
        columns=infos[0].columns if len({one.columns for one in infos}) == 1 else (),
        multilabel=manifests[0].multilabel,
        arrays=tuple(kind for kind in infos[0].arrays if all(kind in one.arrays for one in infos)),
    )
    made = type("Combination", (*able, Combination), {"info": info})
    found: Combination = made(tuple(manifests), tuple(recipes), tuple(weights))
    return found


def combination_of(bundle: Bundle) -> tuple[Combination, CombinedConfig]:
    """Return the backend and the config of a bundle that is a combination.

    Raises
    ------
    BackendError, BundleError
        As `recipe_of`, for a member; or if the members contradict the manifest.
    """
    manifest = bundle.manifest
    manifests = [member.manifest for member in bundle.members]
    recipes = [recipe_of(one, f"the member {one.name!r} of {manifest.name!r}") for one in manifests]
    found = combination(manifests, recipes, [member.weight for member in manifest.members])
    fits = (
        manifest.backend == BACKEND
        and {one.modality for one in manifests} == {manifest.modality}
        and {one.multilabel for one in manifests} == {manifest.multilabel}
        and manifest.feature_version == feature_version(manifests)
        and all(same_labels(one.labels, manifest.labels) for one in manifests)
    )
    try:
        config = CombinedConfig.model_validate(manifest.config)
    except ValueError:
        fits = False
    if not fits:
        raise BundleError(
            f"{manifest.name!r} is a combination that contradicts its members.",
            "Combine them again: genrekit combine A B -o AB.genrekit",
        )
    return found, config


def combined_runtime(bundle: Bundle, backend: Combination, config: CombinedConfig) -> CombinedRuntime:
    """Load the graphs of a combination."""
    manifests = [one.manifest for one in bundle.members]
    return CombinedRuntime(
        [
            Runtime(one.onnx, n_labels=len(one.manifest.labels), declared=one.manifest.outputs)
            for one in bundle.members
        ],
        _columns(manifests, bundle.manifest.labels),
        backend.part_of,
        weights=[member.weight for member in bundle.manifest.members],
        temperature=config.temperature,
        multilabel=config.multilabel,
    )


def same_labels(one: Sequence[str], other: Sequence[str]) -> bool:
    """Return whether two models have the same labels, in any order, and if need be in other spellings."""
    return set(one) == set(other) or _places(one, other) is not None


def place_of_labels(labels: Sequence[str], own: Sequence[str]) -> np.ndarray:
    """Return the place of every label among a model's own, which are the same in the sense of `same_labels`."""
    if set(labels) == set(own):
        return np.array([tuple(own).index(label) for label in labels])
    found = _places(labels, own)
    assert found is not None
    return np.array(found)


def _places(labels: Sequence[str], own: Sequence[str]) -> list[int] | None:
    """Return places by spellings that mean the same; None if that is not one to one."""
    names = [canonical(label) for label in own]
    wanted = [canonical(label) for label in labels]
    if len(set(names)) < len(names) or sorted(names) != sorted(wanted):
        return None
    return [names.index(label) for label in wanted]


def feature_version(manifests: Sequence[Manifest]) -> str:
    """Return the version of the joined windows: those of all members."""
    return " + ".join(f"{one.backend} {one.feature_version}" for one in manifests)[:1000]


def _columns(manifests: Sequence[Manifest], labels: Sequence[str] = ()) -> list[np.ndarray]:
    """Return per member the place of every label among its own; the labels of the first unless given."""
    return [place_of_labels(labels or manifests[0].labels, one.labels) for one in manifests]


def _preparation(backend: Backend, config: BackendConfig) -> tuple[str, str]:
    settings = config.model_dump_json(include=set(backend.info.prepare_keys))
    return backend.info.name, settings
