"""Measure how far the model of covers tells the sources of its covers instead of the genres.

    genrekit datasets split labels.csv --test-size 0.15 --valid-size 0.15 --seed 0 -o split.csv   # as it was trained
    python benchmarks/image_sources.py split.csv
    python benchmarks/image_sources.py split.csv --heads resnet18_imagenet_to_layer3.safetensors

The manifest has the columns path, label, group, split and source. The first form measures the shipped model on the test split:
accuracy and macro-F1 within each source, the share of covers that get a label which only other genres of their source
have, and the area under the ROC curve of a logistic regression on the embeddings that tells two sources within one genre (five folds, groups together). The
second trains heads, logistic regressions on frozen features of the first three stages (mean and deviation per channel), with what may
take the sources away, and measures them on five folds of train and valid and on sources that they were not trained on.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torchvision.transforms import v2

from genrekit.backends.image.backbones import Pictures, load_weights
from genrekit.media import images
from genrekit.metrics import difference, paired_draws
from genrekit.prediction import load_model
from genrekit.types import Example

LEAST = 100  # covers of a source in a genre, to tell sources apart by
SIDE = 224
COPIES = 1
PICTURES_AT_ONCE = 32

Array = npt.NDArray[np.generic]
Draws = dict[str, np.ndarray]


def read(manifest: Path) -> dict[str, Array]:
    """Return the columns of a manifest; paths are relative to it."""
    with manifest.open(newline="") as file:
        rows = list(csv.DictReader(file))
    columns = {name: np.array([row[name] for row in rows]) for name in ("label", "group", "split", "source")}
    return {**columns, "path": np.array([str(manifest.parent / row["path"]) for row in rows])}


def scores_and_embeddings(paths: Array) -> tuple[Array, Array, tuple[str, ...]]:
    """Return scores and embeddings of the shipped model, and its labels."""
    model = load_model("image")
    found = [model.backend.prepare(Example(path, path=Path(path)), model.config).values for path in paths]
    scores = np.concatenate([model.runtime.scores(windows) for windows in found])
    embeddings = np.concatenate([model.runtime.embeddings(windows) for windows in found])
    return scores, embeddings, model.labels


def within_sources(covers: dict[str, Array], predicted: Array) -> None:
    """Print accuracy and macro-F1 within each source."""
    print("| source | covers | genres | most frequent | accuracy | macro-F1 |\n|---|---|---|---|---|---|")
    for source in [*np.unique(covers["source"]), "all"]:
        mine = (covers["source"] == source) | (source == "all")
        true, got = covers["label"][mine], predicted[mine]
        genres = np.unique(true)
        most = Counter(true).most_common(1)[0][1] / len(true)
        f1 = f1_score(true, got, labels=genres, average="macro", zero_division=0)
        print(
            f"| {source} | {len(true)} | {len(genres)} | {most:.1%} | {(true == got).mean():.1%} | {f1:.1%} |"
        )


def borrowed(covers: dict[str, Array], predicted: Array, everything: dict[str, Array]) -> None:
    """Print how often a cover gets a label that is in practice only in another source, or only in its own."""
    counts = Counter(zip(everything["label"].tolist(), everything["source"].tolist(), strict=True))
    large = [s for s in np.unique(everything["source"]) if (everything["source"] == s).sum() > 5 * LEAST]
    shared = [
        label
        for label in np.unique(everything["label"])
        if sum(counts[label, s] >= LEAST for s in large) == len(large)
    ]
    for label_source in large:
        only = [
            label
            for label in np.unique(everything["label"])
            if counts[label, label_source] >= LEAST
            and all(counts[label, s] < LEAST for s in large if s != label_source)
        ]
        for source in large:
            mine = (covers["source"] == source) & np.isin(covers["label"], shared)
            share = np.isin(predicted[mine], only).mean()
            print(
                f"{', '.join(shared)} of {source} ({mine.sum()} covers): {share:.0%} get {', '.join(only)}, "
                f"which {label_source} has"
            )


def told_apart(covers: dict[str, Array], features: Array) -> None:
    """Print the area under the ROC curve of telling two sources within each genre that both have."""
    for label in np.unique(covers["label"]):
        mine = covers["label"] == label
        sources = [s for s in np.unique(covers["source"]) if (mine & (covers["source"] == s)).sum() >= LEAST]
        if len(sources) == 2:
            mine &= np.isin(covers["source"], sources)
            y = covers["source"][mine] == sources[1]
            model = make_pipeline(StandardScaler(), LogisticRegression(C=1e-3, max_iter=2000))
            cutter = StratifiedGroupKFold(5, shuffle=True, random_state=0)
            p = cross_val_predict(
                model, features[mine], y, groups=covers["group"][mine], cv=cutter, method="predict_proba"
            )
            print(
                f"telling {' and '.join(sources)} within {label} ({mine.sum()}): AUC {roc_auc_score(y, p[:, 1]):.2f}"
            )


def frozen(paths: Array, weights: str, copies: int) -> Array:
    """Return features [shape=(1 + copies, n, 896)] of covers and of copies with other colours and borders."""
    network = Pictures("resnet18", 2, dropout=0.0)
    network.body.load_state_dict(load_weights(weights, "resnet18", print), strict=False)
    network.eval()
    torch.manual_seed(0)
    change = v2.Compose(
        [
            v2.RandomResizedCrop(SIDE, scale=(0.6, 1.0), ratio=(0.9, 1.1), antialias=True),
            v2.ColorJitter(0.4, 0.4, 0.4, 0.1),
        ]
    )
    body, parts = network.body, []
    with torch.inference_mode():
        for start in range(0, len(paths), PICTURES_AT_ONCE):
            loaded = [images.load(Path(p), size=SIDE) for p in paths[start : start + PICTURES_AT_ONCE]]
            squares = [
                v2.functional.center_crop(torch.from_numpy(one).permute(2, 0, 1), [SIDE]) for one in loaded
            ]
            pixels = torch.stack(squares)
            several = [pixels, *(torch.stack([change(one) for one in pixels]) for _ in range(copies))]
            rows = []
            for batch in several:
                x = body.maxpool(body.relu(body.bn1(body.conv1((batch.float() - network.mean) / network.sd))))
                statistics = []
                for stage in (body.layer1, body.layer2, body.layer3):
                    x = stage(x)
                    statistics += [x.mean(dim=(2, 3)), x.std(dim=(2, 3))]
                rows.append(torch.cat(statistics, dim=1).numpy())
            parts.append(np.stack(rows))
    return np.concatenate(parts, axis=1)


def weights_of(covers: dict[str, Array], *, by_source: bool) -> npt.NDArray[np.float64]:
    """Return weights of mean 1; by source, every source of a genre weighs the same in it."""
    weights = np.ones(len(covers["label"]))
    for label in np.unique(covers["label"]):
        mine = covers["label"] == label
        counts = Counter(covers["source"][mine])
        if by_source:
            for source, count in counts.items():
                weights[mine & (covers["source"] == source)] = mine.sum() / len(counts) / max(count, 15)
    return np.asarray(weights / weights.mean())


def head(
    features: Array, y: Array, weights: Array, learn: Array, held: Array, *, with_copies: bool
) -> npt.NDArray[np.float64]:
    """Train on some covers and return the scores [shape=(len(held), n_labels)] of others."""
    labels = np.unique(y)
    stacks = features if with_copies else features[:1]
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1e-3, max_iter=500))
    model.fit(
        np.concatenate([stack[learn] for stack in stacks]),
        np.tile(y[learn], len(stacks)),
        logisticregression__sample_weight=np.tile(weights[learn], len(stacks)),
    )
    scores: npt.NDArray[np.float64] = np.zeros((len(held), len(labels)))
    scores[:, np.searchsorted(labels, model.classes_)] = model.predict_proba(features[0][held])
    return scores


def heads(covers: dict[str, Array], features: Array) -> None:
    """Print the table of heads, on folds and on each of the large sources alone, and paired differences from the first."""
    label, source, group = covers["label"], covers["source"], covers["group"]
    labels = np.unique(label)
    targets = label[:, None] == labels
    large = [s for s in np.unique(source) if (source == s).sum() > 5 * LEAST]
    in_all = [g for g in labels if all(((label == g) & (source == s)).sum() >= LEAST for s in large)]
    columns = {"folds": np.arange(len(label))} | {
        f"{s} alone": np.flatnonzero((source == s) & np.isin(label, in_all)) for s in large
    }
    print(f"{', '.join(f'{name}: {len(held)} covers' for name, held in columns.items())}")
    print(f"| head | measured on | accuracy | macro-F1 | log loss |\n|---|---|{'---|' * 3}")
    folds = list(StratifiedGroupKFold(5, shuffle=True, random_state=0).split(label, label, group))
    first: dict[str, Draws] = {}
    for name, with_copies, by_source in (
        ("as it is", False, False),
        ("jitter of colours and borders", True, False),
        ("sources weigh the same in a genre", False, True),
        ("both", True, True),
    ):
        weights = weights_of(covers, by_source=by_source)
        scores = {"folds": np.zeros((len(label), len(labels)))}
        for learn, held in folds:
            scores["folds"][held] = head(features, label, weights, learn, held, with_copies=with_copies)
        for one in large:
            learn = np.flatnonzero(source != one)
            held = columns[f"{one} alone"]
            scores[f"{one} alone"] = head(features, label, weights, learn, held, with_copies=with_copies)
        for column, held in columns.items():
            draws = paired_draws(scores[column], targets[held], labels.tolist(), group[held])
            reference = first.setdefault(column, draws)
            cells = []
            for metric, unit in (("accuracy", "%"), ("macro_f1", "%"), ("log_loss", "")):
                found, scale = difference(draws, reference, metric), 100 if unit else 1
                cell = f"{scale * draws[metric][0]:.{1 if unit else 3}f} {unit}".strip()
                if draws is not reference:
                    low, high = (scale * (found.low or 0), scale * (found.high or 0))
                    cell += f" ({scale * found.value:+.2f}: {low:+.2f} to {high:+.2f})"
                cells.append(cell)
            print(f"| {name} | {column} | {' | '.join(cells)} |", flush=True)
    print(f"a source alone: {' and '.join(in_all)} of it, by a head that learnt from the other sources")


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("manifest", type=Path)
    parser.add_argument(
        "--heads", metavar="WEIGHTS", help="weights of a ResNet-18, as --set weights takes them"
    )
    arguments = parser.parse_args()
    covers = read(arguments.manifest)
    if arguments.heads:
        known = {name: column[covers["split"] != "test"] for name, column in covers.items()}
        heads(known, frozen(known["path"], arguments.heads, COPIES))
        return
    scores, embeddings, labels = scores_and_embeddings(covers["path"])
    test = covers["split"] == "test"
    tested = {name: column[test] for name, column in covers.items()}
    predicted = np.array(labels)[scores[test].argmax(axis=1)]
    within_sources(tested, predicted)
    borrowed(tested, predicted, covers)
    told_apart(covers, embeddings)


if __name__ == "__main__":
    main()
