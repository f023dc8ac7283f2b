"""The bundle of a combination, made of those of its members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from genrekit import __version__
from genrekit.hashing import hash_bytes
from genrekit.models import (
    BACKEND,
    KEYS,
    Bundle,
    CombinedConfig,
    CombinedMember,
    LearntKeys,
    Manifest,
    collect,
    combination,
    dump_keys,
    dumps,
    load,
    loads,
    save,
    write_card,
)
from genrekit.prediction import Model
from genrekit.training import Evaluation, kept_metrics, versions


@dataclass(frozen=True)
class Maker:
    """Maker of bundles of some members."""

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
