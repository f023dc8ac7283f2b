"""Make the bundles ``encoder`` and ``tags`` that ship with the package, from stored tag outputs of GTZAN.

The sound of most tracks is not needed: the head, its calibration and the distance stand on what MSD_musicnn gave for
them, in ``musicnn_taggrams.npz`` (arrays ``names``, ``split``, ``genre``, ``group``, ``offsets``, ``taggram``, ``tags``;
docs/encoder.md says where it comes from). Everything is chosen on artist-grouped folds of the train and validation
sides; ``--test`` measures the test side, which is for one look at the end.

    python benchmarks/encoder_models.py TAGGRAMS.npz OUTPUT_FOLDER --recordings FOLDER --test

The same file gives the same bundles, byte for byte.
"""

from __future__ import annotations

import argparse
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
from sklearn.model_selection import GroupKFold

from genrekit import __version__
from genrekit.backends import make_config, registry
from genrekit.backends.encoder import encoders
from genrekit.backends.encoder.distance import fit_distance
from genrekit.backends.encoder.distance_threshold import measure
from genrekit.backends.encoder.encoding import PatchEncoder
from genrekit.backends.encoder.fit import learn, scores_of
from genrekit.backends.encoder.graph import LIMIT, Limit, write_graph
from genrekit.backends.encoder.heads import Calibration, Chain, Linear
from genrekit.backends.encoder.pooling import transform
from genrekit.backends.encoder.table import make_table
from genrekit.hashing import hash_file
from genrekit.labels import normalise
from genrekit.metrics import measure_scores
from genrekit.models import KEYS, Manifest, Runtime, collect, dump_keys, save, write_card
from genrekit.preparation import name_key
from genrekit.training import versions
from genrekit.types import Example

SPLIT = "published fault-filtered split of GTZAN (Kereliuk et al. 2015, after Sturm): no artist on two sides"
LICENCE = (
    "Encoder: ISC, copyright Music Technology Group, Universitat Pompeu Fabra 2019, code developed by Jordi Pons; the "
    "notice ships as musicnn.LICENSE.txt. Head: as genrekit. "
)
PRETRAINING = (
    "The encoder MSD_musicnn (Pons and Serra 2019) heard 30 s previews of some 200,000 songs of the Million Song Dataset "
    "with tags from Last.fm; it may have heard artists, or recordings, of any test side. "
)
# The share of the held-out recordings that the distance of the layer before the tags lets pass.
FAMILIAR = 0.97
# A tag is given where its odds are so many times those of the average song.
TAG_LIFT = 2.0


class Stored:
    """The stored tag outputs: of every track as many patches as the model will hear."""

    def __init__(self, path: Path, n_patches: int) -> None:
        held = np.load(path)
        self.sha256 = hash_file(path)
        self.tags = tuple(held["tags"].tolist())
        self.names, self.split = held["names"], held["split"]
        self.genre, self.group = held["genre"], held["group"]
        offsets, rows = held["offsets"], held["taggram"]
        self.patches = []
        for start, stop in pairwise(offsets):
            at = np.linspace(start, stop - 1, n_patches).round().astype(int)
            self.patches.append(rows[at])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("taggrams", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument(
        "--recordings", type=Path, help="a folder of recordings of train and validation tracks"
    )
    parser.add_argument("--test", action="store_true", help="measure the test side; the one look")
    options = parser.parse_args()
    backend = registry.get("encoder")
    config = make_config(backend, {"layer": "tags"})
    stored = Stored(options.taggrams, config.patches)
    options.output.mkdir(parents=True, exist_ok=True)
    limits = genres(backend, config, stored, options)
    tags(backend, config, stored, options, limits)


def genres(backend, config, stored: Stored, options) -> None:
    facts = encoders.get("musicnn").facts
    layer = facts.layers["tags"]
    assert stored.tags == layer.names
    labels = tuple(sorted(set(stored.genre)))
    learnt_from = np.flatnonzero(stored.split != "test")
    features = [transform(stored.patches[i], layer)[None] for i in learnt_from]
    targets = stored.genre[:, None] == np.array(labels)
    table = make_table(features, targets[learnt_from], stored.group[learnt_from], config)
    learnt = learn(table, labels, config, print)
    limits = [Limit("tags", *learnt.distance), *recorded_limits(config, options.recordings, stored)]
    print("distance thresholds", [limit.threshold for limit in limits])
    metrics = None
    if options.test:
        test = np.flatnonzero(stored.split == "test")
        held = [transform(stored.patches[i], layer) for i in test]
        scores = scores_of(learnt, np.stack([part.mean(axis=0) for part in held]))
        found = measure_scores(scores, targets[test], labels, stored.group[test], split=SPLIT)
        metrics = found.to_dict()
        far = measure(learnt.distance[0], held) > learnt.distance[1]
        learnt.history["test_false_alarms"] = round(float(far.mean()), 4)
        for name, value in metrics["metrics"].items():
            print("test", name, value)
        print("test false alarms", far.mean())
        np.savez(
            options.output / "test_look.npz",
            scores=scores,
            targets=targets[test],
            far=far,
            group=stored.group[test],
        )
    write(
        options.output / "encoder.genrekit",
        backend,
        config,
        stored,
        labels=labels,
        members=learnt.members,
        limits=limits,
        metrics=metrics,
        counts=Counter(stored.genre[learnt_from].tolist()),
        history={"encoder": "musicnn", "layer": "tags", **learnt.history},
        about=PRETRAINING
        + "The head and the distance were learnt from stored tag outputs of 443 train and 60 validation tracks, made with "
        "another resampler and at the level of the recordings; everything was chosen on artist-grouped folds of those. "
        "Others had looked at this test split before, and so had an earlier study on the same outputs.",
    )
    return limits


def tags(backend, config, stored: Stored, options, limits) -> None:
    """Order tags by lift: the odds of a tag over those of the average train song, as a score of 0.5 for a lift of 1."""
    layer = encoders.get("musicnn").facts.layers["tags"]
    train = stored.split == "train"
    means = np.stack([transform(part, layer).mean(axis=0) for part in stored.patches])
    prior = np.mean(
        [part.mean(axis=0) for part, learnt in zip(stored.patches, train, strict=True) if learnt], axis=0
    )
    prior = np.log(prior / (1 - prior))  # of the mean: a rare tag stays rare
    chain = Chain([Linear(np.eye(len(prior)), -prior)])
    scores = Calibration(multilabel=True)(chain(means))
    labels = tuple(normalise(tag) for tag in layer.names)
    threshold = float(f"{TAG_LIFT / (1 + TAG_LIFT):.6g}")
    given = (scores[train] >= threshold).sum(axis=1)
    print(
        f"tags a train song: median {np.median(given):.0f}, none {np.mean(given == 0):.3f}, most {given.max()}"
    )
    zero_shot(stored, labels, scores, train)
    write(
        options.output / "tags.genrekit",
        backend,
        make_config(backend, {**config.model_dump(mode="json"), "multilabel": True}),
        stored,
        labels=labels,
        members=[(chain, Calibration(multilabel=True))],
        limits=limits,
        metrics=None,
        counts={},
        history={"encoder": "musicnn", "layer": "tags", "lift": TAG_LIFT},
        about=PRETRAINING
        + "The scores say how much likelier a tag is than for the average train song of GTZAN: 0.5 is as likely, "
        f"{threshold:.3f} twice the odds, from where a tag is given. They are no probabilities that a listener would use "
        "the tag.",
        multilabel=True,
        thresholds=dict.fromkeys(labels, threshold),
    )


def recorded_limits(config, folder: Path | None, stored: Stored) -> list[Limit]:
    """Fit the distance of the layer before the tags, which tells speech from music, on the recordings at hand.

    They are few, so fewer of them may be called strange than of the stored tracks.
    """
    if folder is None:
        return []
    facts = encoders.get("musicnn").facts
    known = {
        name: (genre, group)
        for name, genre, group, split in zip(
            stored.names, stored.genre, stored.group, stored.split, strict=True
        )
        if split != "test"
    }
    paths = [path for path in sorted(folder.rglob("*.flac")) if path.stem in known]
    backend, encoder = registry.get("encoder"), PatchEncoder("musicnn")
    prepared = [backend.prepare(Example(path.stem, path=path), config).values for path in paths]
    layer = facts.layers["penultimate"]
    patches = [transform(encoder.layer_of(encoder(values), "penultimate"), layer)[0] for values in prepared]
    classes = np.unique([known[path.stem][0] for path in paths], return_inverse=True)[1]
    groups = np.array([known[path.stem][1] for path in paths])
    held_out = np.zeros(len(paths))
    for rows, out in GroupKFold(5, shuffle=True, random_state=0).split(paths, groups=groups):
        fitted = fit_distance([patches[i] for i in rows], classes[rows])
        held_out[out] = measure(fitted, [patches[i] for i in out])
    print(f"{len(paths)} recordings of {len(set(groups))} artists, held out: up to {held_out.max():.3f}")
    return [
        Limit("penultimate", fit_distance(patches, classes), float(f"{np.quantile(held_out, FAMILIAR):.4g}"))
    ]


def zero_shot(stored: Stored, labels, scores, rows) -> None:
    """Measure tags against genres on the train side: no genre label was used to make them."""
    pairs = {
        "jazz": "jazz", "metal": "metal", "hiphop": "hip-hop", "country": "country", "blues": "blues", "pop": "pop",
        "rock": "rock", "classical": "instrumental", "disco": "80s", "reggae": "soul",
    }  # fmt: skip
    genre, held = stored.genre[rows], scores[rows]
    raw = np.stack([part.mean(axis=0) for part in stored.patches])[rows]
    for name, tag in pairs.items():
        has, k = genre == name, labels.index(tag)
        wins = (held[has, k][:, None] > held[~has, k]).mean() + (
            held[has, k][:, None] == held[~has, k]
        ).mean() / 2
        print(f"  {tag:<12} -> {name:<10} AUC {wins:.3f}")
    seven = [name for name in pairs if name not in ("classical", "disco", "reggae")]
    columns = [labels.index(pairs[name]) for name in seven]
    some = np.isin(genre, seven)
    for what, values in (("raw", raw), ("divided by the mean", raw / raw.mean(axis=0)), ("lift", held)):
        right = np.array(seven)[values[some][:, columns].argmax(axis=1)] == genre[some]
        print(f"  zero-shot of {some.sum()} tracks in seven genres, {what}: {right.mean():.3f}")


def write(path, backend, config, stored, *, labels, members, limits, metrics, counts, history, about,
          multilabel=False, thresholds=None) -> None:  # fmt: skip
    facts = encoders.get("musicnn").facts
    onnx = write_graph(
        encoders.graph("musicnn"), facts, layer="tags", pooling=config.pooling, members=members,
        n_labels=len(labels), limits=limits,
    )  # fmt: skip
    runtime = Runtime(onnx, n_labels=len(labels))
    names = (name_key(Example(name)) for name in stored.names[stored.split != "test"])
    learnt = collect(("name", key) for key in names if key is not None)  # the sound of most is not at hand
    manifest = Manifest(
        name=path.name.removesuffix(".genrekit"),
        backend="encoder",
        modality=backend.info.modality,
        labels=labels,
        multilabel=multilabel,
        config=config.model_dump(mode="json"),
        feature_version=backend.info.feature_version,
        input_shape=(None, *facts.hears.patch_shape),
        outputs=runtime.declaration(LIMIT),
        thresholds=thresholds or {},
        metrics=metrics,
        data={
            "source": "GTZAN, stored tag outputs of MSD_musicnn",
            "layout": "gtzan",
            "sha256": stored.sha256,
            "examples": int((stored.split != "test").sum()),
            "counts": dict(counts),
            "split": {"method": SPLIT, "train": 443, "valid": 60, "test": 290},
            "fitted_on": "train and valid",
            "keys": learnt.counts,
        },
        history=history,
        versions=versions(),
        about=" ".join(about.split()),
        licence=LICENCE + facts.citation,
        genrekit=__version__,
    )
    save(
        path, manifest, onnx=onnx, native={KEYS: dump_keys(learnt)}, card=write_card(manifest), overwrite=True
    )
    print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
