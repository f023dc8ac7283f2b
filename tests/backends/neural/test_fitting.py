"""What training promises, on a set that a small network learns within seconds."""

from __future__ import annotations

import itertools
import json
import pickle
import resource
import shutil
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import numpy as np
import pytest
import torch
from support.easy_set import N_FRAMES, N_MELS, config_of, easy, fit, members_of, one_each
from support.night import day_and_night
from torch import Tensor, nn

from genrekit.backends.base import Fitted, Prepared
from genrekit.backends.neural import native
from genrekit.backends.neural.device import Device
from genrekit.errors import ConfigError, TrainingError
from genrekit.progress import Epoch

pytestmark = pytest.mark.usefixtures("without_graph", "every_epoch")

TRAIN, VALID = one_each(24), one_each(12, seed=1)
SEVERAL = [[0], [1], [2], [0, 1], [1, 2], [0, 1, 2], [0, 2], []]


def curve(fitted: Fitted, stage: str = "train", network: int = 0) -> list[dict[str, float]]:
    return list(fitted.history[stage][network])


def same(a: Fitted, b: Fitted) -> bool:
    """Whether two trainings gave the same bytes."""
    return (
        members_of(a) == members_of(b)
        and json.dumps(a.history) == json.dumps(b.history)
        and a.thresholds == b.thresholds
        and np.array_equal(a.check_scores, b.check_scores)
    )


@pytest.mark.parametrize(
    "settings",
    [
        {"arch": "resnet"},
        {"schedule": "constant", "precision": "bf16"},
        {"schedule": "plateau", "balance": "sampler", "ema": 0.5, "warmup": 0.1, "style": 0.5},
        {"mixup": 0.2, "balance": "weights", "weight_decay": 0, "gradient_clip": 0, "keep": "last"},
    ],
)
def test_labels_are_learned(tmp_path, settings):
    fitted = fit(tmp_path, TRAIN, VALID, epochs=10, **settings)
    points = curve(fitted)
    assert points[-1]["loss"] < points[0]["loss"]
    assert max(point["valid_accuracy"] for point in points[-3:]) == 1
    right = fitted.check_scores[: len(TRAIN)].argmax(axis=1) == TRAIN.targets.argmax(axis=1)
    assert right.mean() > 0.9
    assert 0.05 <= fitted.history["temperature"] <= 20


def test_the_seed_decides(tmp_path):
    a, again, other = (
        fit(tmp_path / str(i), TRAIN, VALID, seed=seed, epochs=2, mixup=0.4)
        for i, seed in enumerate((1, 1, 2))
    )
    assert same(a, again)
    assert not same(a, other)


def test_the_random_state_of_others_is_left_alone(tmp_path):
    torch.manual_seed(7)
    before = torch.get_rng_state()
    fit(tmp_path, TRAIN, None, epochs=1)
    assert torch.equal(torch.get_rng_state(), before)


def test_members_are_networks_of_their_own_and_their_scores_are_averaged(tmp_path):
    both = fit(tmp_path / "both", TRAIN, None, epochs=2, members=2)
    alone = [fit(tmp_path / str(seed), TRAIN, None, epochs=2, seed=seed) for seed in (0, 1)]
    assert len(both.history["train"]) == 2
    assert curve(both, network=1) == curve(alone[1])
    np.testing.assert_allclose(
        both.check_scores[: len(TRAIN)],
        np.mean([fitted.check_scores[: len(TRAIN)] for fitted in alone], axis=0),
        atol=1e-6,
    )
    assert {"0", "1"} <= {name.partition(".")[0] for name in native.tensors(members_of(both))}


@pytest.mark.parametrize("settings", day_and_night([{"patience": 1}, {}, {"schedule": "plateau"}], day=1))
def test_both_splits_are_joined_after_calibrating(tmp_path, settings):
    plain = fit(tmp_path / "plain", TRAIN, VALID, epochs=3, **settings)
    joined = fit(tmp_path / "joined", TRAIN, VALID, epochs=3, join_valid=True, **settings)
    assert joined.history["temperature"] == plain.history["temperature"]
    assert curve(joined) == curve(plain)
    assert len(curve(joined, "train_and_valid")) == 3
    assert all("valid_loss" not in point for point in curve(joined, "train_and_valid"))
    assert joined.native != plain.native


def test_an_average_of_weights_is_what_is_kept(tmp_path):
    plain = fit(tmp_path / "plain", TRAIN, VALID, keep="last")
    slow = fit(tmp_path / "slow", TRAIN, VALID, keep="last", ema=0.999)
    # Validation looks at the average, and learning does not.
    assert [point["loss"] for point in curve(slow)] == [point["loss"] for point in curve(plain)]
    assert [point["valid_loss"] for point in curve(slow)] != [point["valid_loss"] for point in curve(plain)]
    assert slow.native != plain.native


def test_patience_ends_a_training_that_gets_no_better(tmp_path):
    wrong = one_each(12, seed=1)
    wrong = Prepared(wrong.windows, np.roll(wrong.targets, 1, axis=1), wrong.groups, wrong.ids)
    fitted = fit(tmp_path, TRAIN, wrong, epochs=30, patience=2)
    losses = [point["valid_loss"] for point in curve(fitted)]
    assert len(losses) < 30
    assert int(np.argmin(losses)) == len(losses) - 3


def test_the_best_epoch_is_kept_or_the_last(tmp_path):
    wrong = one_each(12, seed=1)
    wrong = Prepared(wrong.windows, np.roll(wrong.targets, 1, axis=1), wrong.groups, wrong.ids)
    best, last, only = (
        fit(tmp_path / str(i), TRAIN, wrong, epochs=epochs, keep=keep, schedule="constant")
        for i, (keep, epochs) in enumerate((("best", 6), ("last", 6), ("last", 1)))
    )
    losses = [point["valid_loss"] for point in curve(best)]
    assert min(losses) == losses[0] < losses[-1]

    def weights(fitted: Fitted) -> dict[str, Tensor]:
        tensors = native.tensors(members_of(fitted))
        return {name: tensor for name, tensor in tensors.items() if name.startswith("0.")}

    kept = weights(only)
    assert all(np.array_equal(tensor, kept[name]) for name, tensor in weights(best).items())
    assert any(not np.array_equal(tensor, kept[name]) for name, tensor in weights(last).items())


def test_the_rate_follows_its_schedule(tmp_path, monkeypatch):
    rates: dict[str, list[float]] = {}

    def noting(module: L.LightningModule, outputs: object, batch: object, batch_idx: int) -> None:
        rates[name].append(module.trainer.optimizers[0].param_groups[0]["lr"])

    monkeypatch.setattr("genrekit.backends.neural.module.GenreModule.on_train_batch_end", noting)
    monkeypatch.setattr("genrekit.backends.neural.module.PLATEAU_PATIENCE", 0)
    worse = iter(range(100))
    monkeypatch.setattr(
        "genrekit.backends.neural.module.measures", lambda *a, **k: {"valid_loss": float(next(worse))}
    )
    for name in ("cosine", "constant", "plateau"):
        rates[name] = []
        fit(tmp_path / name, TRAIN, VALID, epochs=4, warmup=0.25, schedule=name)
    # Three steps an epoch; noted is the rate of the step that comes.
    np.testing.assert_allclose(rates["constant"][:3], [0.005, 0.0075, 0.01])
    np.testing.assert_allclose(rates["constant"][3:], 0.01)
    assert rates["cosine"][2] == pytest.approx(0.01)
    assert np.all(np.diff(rates["cosine"][2:]) < 0)
    assert rates["cosine"][-1] == pytest.approx(0)
    np.testing.assert_allclose(rates["plateau"][:6], rates["constant"][:6])
    np.testing.assert_allclose(rates["plateau"][6:], [0.002] * 3 + [0.0004] * 3)


def test_rare_labels_weigh_more(tmp_path):
    lopsided = easy([[0]] * 28 + [[1]] * 4, 2)
    settings = ({}, {"balance": "weights", "balance_power": 0.5}, {"balance": "weights"})
    plain, half_way, weighted = (
        fit(tmp_path / str(i), lopsided, None, epochs=4, learning_rate=0.005, **more)
        .check_scores[:24, 1]
        .mean()
        for i, more in enumerate(settings)
    )
    assert plain < half_way < weighted


@pytest.mark.parametrize("multilabel", [True, False])
def test_rare_labels_are_drawn_more_often(tmp_path, monkeypatch, multilabel):
    seen: list[Tensor] = []

    def noting(recipe: object, windows: Tensor, targets: Tensor, generator: object) -> tuple[Tensor, Tensor]:
        seen.append(targets)
        return windows, targets

    monkeypatch.setattr("genrekit.backends.spectrogram.recipe.SpectrogramRecipe.augment", noting)
    lopsided = easy([[0]] * 28 + [[1]] * 4, 2)
    fit(tmp_path, lopsided, None, epochs=6, balance="sampler", multilabel=multilabel)
    counts = torch.cat(seen).sum(dim=0)
    assert counts.sum() == 6 * 32
    assert 0.35 < counts[1] / counts.sum() < 0.65


def test_a_label_that_everybody_has_is_not_unlearned_by_its_weight(tmp_path):
    everybody = easy([[0, 1], [0, 2]] * 12)
    fitted = fit(tmp_path, everybody, None, epochs=8, multilabel=True, balance="weights")
    assert fitted.check_scores[:24, 0].mean() > 0.5


def test_several_labels_get_a_threshold_each(tmp_path):
    train, valid = easy(SEVERAL * 5), easy(SEVERAL * 2, seed=1)
    fitted = fit(tmp_path, train, valid, epochs=12, multilabel=True)
    assert set(fitted.thresholds) == {"label 0", "label 1", "label 2"}
    assert curve(fitted)[-1]["valid_average_precision"] > 0.95
    limits = np.array(list(fitted.thresholds.values()))
    assert ((fitted.check_scores[:24] >= limits) == (train.targets[:24] > 0)).mean() > 0.9
    assert fitted.check_scores.sum(axis=1).max() > 1.2
    assert set(fit(tmp_path / "none", train, None, epochs=1, multilabel=True).thresholds.values()) == {0.5}


def test_a_validation_split_with_one_label_and_one_example_is_enough(tmp_path):
    fitted = fit(tmp_path, easy(SEVERAL * 2), easy([[1]]), epochs=1, multilabel=True)
    assert curve(fitted)[0]["valid_average_precision"] == 1
    assert fitted.thresholds["label 0"] == 0.5


def test_two_hundred_labels_with_two_songs_each(tmp_path):
    rng = np.random.default_rng(0)
    windows = [rng.uniform(-40, 0, (1, N_MELS, N_FRAMES)).astype(np.float32) for _ in range(400)]
    targets = np.eye(200, dtype=np.float32)[np.arange(400) % 200]
    names = tuple(map(str, range(400)))
    fitted = fit(tmp_path, Prepared(windows, targets, np.array(names), names), None, epochs=1, batch_size=64)
    assert fitted.check_scores.shape[1] == 200
    np.testing.assert_allclose(fitted.check_scores.sum(axis=1), 1, atol=1e-5)


def test_without_a_validation_split_the_given_temperature_holds(tmp_path):
    plain = fit(tmp_path / "1", TRAIN, None, epochs=1)
    flat = fit(tmp_path / "2", TRAIN, None, epochs=1, temperature=50)
    assert flat.history["temperature"] == 50
    assert flat.check_scores.max() < 0.5 < plain.check_scores.max() + 0.2
    assert "valid_loss" not in curve(plain)[0]


@pytest.mark.parametrize("settings", [{"schedule": "plateau"}, {"patience": 3}])
def test_what_needs_a_validation_split_is_refused_without_one(tmp_path, settings):
    with pytest.raises(ConfigError, match="need a validation split") as refused:
        fit(tmp_path, TRAIN, None, **settings)
    assert "--valid-size" in refused.value.hint


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"precision": "fp16"}, "'fp16' needs a GPU"),
        ({"device": "cuda"}, "finds 0 GPUs"),
        ({"device": "cuda:3"}, "finds 0 GPUs"),
        ({"device": "mps"}, "not a Mac"),
    ],
)
def test_a_device_that_is_not_there_is_refused_in_words(tmp_path, monkeypatch, settings, words):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ConfigError, match=words) as refused:
        fit(tmp_path, TRAIN, None, **settings)
    assert "auto" in refused.value.hint


class Broken(nn.Module):
    """A network that does something at its n-th batch."""

    def __init__(self, act: Callable[[Tensor], Tensor], at: int) -> None:
        super().__init__()
        self.linear = nn.Linear(N_MELS, 3)
        self.act, self.left = act, at

    def forward(self, windows: Tensor) -> Tensor:
        self.left -= self.training
        logits = self.linear(windows.mean(dim=2))
        return self.act(logits) if self.left == 0 and self.training else logits


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def breaking(act: Callable[[Tensor], Tensor], at: int = 5) -> None:
        monkeypatch.setattr("genrekit.backends.spectrogram.recipe.build", lambda *a, **k: Broken(act, at))

    return breaking


@pytest.mark.parametrize(
    ("settings", "precision", "hint"),
    [
        ({"learning_rate": 0.01}, "32-true", "learning_rate=0.001"),
        ({"gradient_clip": 0}, "32-true", "gradient_clip=1"),
        ({}, "16-mixed", "precision=bf16"),
    ],
)
def test_a_loss_that_is_no_number_ends_with_its_place_and_likely_cause(
    tmp_path, broken, monkeypatch, settings, precision, hint
):
    broken(lambda logits: logits * float("nan"))
    monkeypatch.setattr(L.Trainer, "precision", property(lambda trainer: precision))
    with pytest.raises(TrainingError, match=r"at step 5, in epoch 2 of 3\.") as ended:
        fit(tmp_path, TRAIN, VALID, **settings)
    assert hint in ended.value.hint


@pytest.mark.parametrize("multilabel", [True, False])
@pytest.mark.parametrize("valid", [VALID, None])
def test_weights_that_are_no_numbers_are_found_at_the_end_of_their_epoch(tmp_path, broken, multilabel, valid):
    def spoil(logits: Tensor) -> Tensor:
        return logits + (logits - logits).sqrt()  # 0 forwards, and no number backwards

    broken(spoil, at=6)
    with pytest.raises(TrainingError, match="in epoch 2 of 2"):
        fit(tmp_path, TRAIN, valid, epochs=2, multilabel=multilabel)


@pytest.mark.parametrize(
    ("error", "batch_size", "hint"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), 8, "--set batch_size=4"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), 5, "--set batch_size=2"),
        (MemoryError(), 1, "narrower"),
    ],
)
def test_too_little_memory_names_a_batch_size(tmp_path, broken, error, batch_size, hint):
    def act(logits: Tensor) -> Tensor:
        raise error

    broken(act, at=1)
    with pytest.raises(TrainingError, match=f"too small for batches of {batch_size}") as ended:
        fit(tmp_path, TRAIN, VALID, batch_size=batch_size)
    assert hint in ended.value.hint


def test_other_errors_stay_what_they_are(tmp_path, broken):
    broken(lambda logits: logits[:, :2])
    with pytest.raises(RuntimeError, match="target"):
        fit(tmp_path, TRAIN, VALID)


@pytest.fixture
def full_disk() -> Iterator[Callable[[], None]]:
    """No file may grow beyond 20 kB from then on: what a full disk does, without one."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_ends_with_words_and_leaves_the_checkpoint_before(tmp_path, full_disk):
    whole = fit(tmp_path / "whole", TRAIN, VALID)

    def say(text: str) -> None:
        if text.startswith("epoch 2 of"):
            full_disk()

    with pytest.raises(TrainingError, match="checkpoint cannot be written") as ended:
        _fit_saying(tmp_path / "run", say)
    assert "--resume" in ended.value.hint
    files = sorted(path.name for path in (tmp_path / "run").rglob("*") if path.is_file())
    assert files == ["best.ckpt", "last.ckpt"]
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit[1], limit[1]))
    assert same(fit(tmp_path / "run", TRAIN, VALID, resume=True), whole)


def _fit_saying(folder: Path, say: Callable[[str], None], **settings: object) -> Fitted:
    class Saying(list[str]):
        def append(self, text: str) -> None:
            say(text)

    return fit(folder, TRAIN, VALID, said=Saying(), **settings)


def _interrupted(folder: Path, beginning: str, number: int = 1, **settings: object) -> None:
    """Train until a line that begins so was said for the n-th time."""
    count = itertools.count(1)

    def say(text: str) -> None:
        if text.startswith(beginning) and next(count) == number:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _fit_saying(folder, say, **settings)


@pytest.mark.parametrize(
    ("settings", "beginning", "number"),
    [
        ({"ema": 0.5, "mixup": 0.4, "balance": "sampler", "precision": "bf16"}, "epoch 3 of 4", 1),
        pytest.param({"schedule": "plateau"}, "epoch 1 of 4", 1, marks=pytest.mark.night),
        pytest.param({"members": 2}, "network 2 of 2: epoch 2", 1, marks=pytest.mark.night),
        pytest.param({"members": 2, "ema": 0.9}, "network 2 of 2: epoch 1", 1, marks=pytest.mark.night),
        pytest.param({"join_valid": True}, "epoch 3 of 4", 2, marks=pytest.mark.night),
        pytest.param({"keep": "last"}, "temperature", 1, marks=pytest.mark.night),
    ],
)
def test_an_interrupted_training_goes_on_to_the_same_bytes(tmp_path, settings, beginning, number):
    settings = {"epochs": 4, **settings}
    whole = fit(tmp_path / "whole", TRAIN, VALID, **settings)
    _interrupted(tmp_path / "run", beginning, number, **settings)
    said: list[str] = []
    assert same(fit(tmp_path / "run", TRAIN, VALID, resume=True, said=said, **settings), whole)
    went_on = any("resuming after epoch" in text for text in said)
    assert went_on == ("epoch 2" in beginning or "epoch 3" in beginning)


class Pruned(Exception):
    """Of a caller who has seen enough."""


@pytest.fixture(scope="module")
def four_epochs(tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    """A training of four epochs that nothing interrupts, without a graph."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("genrekit.backends.neural.fitting.to_onnx", lambda *arguments, **more: b"")
        return fit(tmp_path_factory.mktemp("whole"), TRAIN, VALID, epochs=4)


@pytest.mark.parametrize("kind", day_and_night([Pruned, MemoryError, OSError, RuntimeError], day=2))
def test_a_caller_gets_every_epoch_and_stops_by_an_exception_of_its_own(tmp_path, four_epochs, kind):
    seen: list[Epoch] = []

    def watch(event: str) -> None:
        if isinstance(event, Epoch):
            seen.append(event)
            if len(seen) == 2:
                raise kind("cannot allocate memory for more")

    with pytest.raises(kind, match="for more"):
        _fit_saying(tmp_path, watch, epochs=4)
    assert [(event.number, event.total) for event in seen] == [(1, 4), (2, 4)]
    for event, point in zip(seen, curve(four_epochs), strict=False):
        assert event.loss == pytest.approx(point["loss"], abs=1e-5)
        assert event.valid == pytest.approx({key: point[key] for key in event.valid}, abs=1e-5)
    assert set(seen[0].valid) == {"valid_loss", "valid_accuracy"}
    said: list[str] = []
    assert same(fit(tmp_path, TRAIN, VALID, epochs=4, resume=True, said=said), four_epochs)
    assert any("resuming after epoch 1" in line for line in said)


@pytest.mark.parametrize("stop", [pytest.param("epoch 3 of", marks=pytest.mark.night), "training again"])
def test_early_stopping_is_remembered_within_a_training_and_after_it(tmp_path, stop):
    wrong = one_each(12, seed=1)
    wrong = Prepared(wrong.windows, np.roll(wrong.targets, 1, axis=1), wrong.groups, wrong.ids)
    settings: dict[str, Any] = {"epochs": 8, "patience": 2, "join_valid": True, "ema": 0.5}

    def run(folder: Path, stop: str | None, *, resume: bool = False) -> Fitted:
        class Saying(list[str]):
            def append(self, text: str) -> None:
                if stop and text.startswith(stop):
                    raise KeyboardInterrupt

        return fit(folder, TRAIN, wrong, resume=resume, said=Saying(), **settings)

    whole = run(tmp_path / "whole", None)
    assert 2 < len(curve(whole)) < 8
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", stop)
    assert same(run(tmp_path / "run", None, resume=True), whole)


@pytest.mark.night
def test_a_process_killed_between_two_checkpoints_of_an_epoch_loses_nothing(tmp_path, monkeypatch):
    settings: dict[str, Any] = {"epochs": 6, "schedule": "constant"}
    whole = fit(tmp_path / "whole", TRAIN, VALID, **settings)
    losses = [point["valid_loss"] for point in curve(whole)]
    better = [i for i in range(6) if losses[i] == min(losses[: i + 1])]
    # Killed where the second epoch that was the best so far has written one of its two checkpoints.
    last = better[1] + 2 + 1
    save = L.Trainer.save_checkpoint
    count = itertools.count(1)

    def killed(trainer: L.Trainer, path: str, *arguments: Any) -> None:
        if next(count) == last:
            raise KeyboardInterrupt
        save(trainer, path, *arguments)

    monkeypatch.setattr(L.Trainer, "save_checkpoint", killed)
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "run", TRAIN, VALID, **settings)
    monkeypatch.setattr(L.Trainer, "save_checkpoint", save)
    (best,) = (tmp_path / "run").rglob("best.ckpt")
    assert torch.load(best, weights_only=True)["epoch"] == better[1]
    assert same(fit(tmp_path / "run", TRAIN, VALID, resume=True, **settings), whole)


def test_a_folder_may_move_before_training_goes_on(tmp_path):
    wrong = one_each(12, seed=1)
    wrong = Prepared(wrong.windows, np.roll(wrong.targets, 1, axis=1), wrong.groups, wrong.ids)

    class Stop(list[str]):
        def append(self, text: str) -> None:
            if text.startswith("epoch 3 of"):
                raise KeyboardInterrupt

    settings: dict[str, Any] = {"epochs": 5, "schedule": "constant"}
    whole = fit(tmp_path / "whole", TRAIN, wrong, **settings)
    losses = [point["valid_loss"] for point in curve(whole)]
    assert int(np.argmin(losses)) < 2 < len(losses)  # the best is behind when it moves
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "run", TRAIN, wrong, said=Stop(), **settings)
    shutil.move(tmp_path / "run", tmp_path / "elsewhere")
    assert same(fit(tmp_path / "elsewhere", TRAIN, wrong, resume=True, **settings), whole)
    assert not (tmp_path / "run").exists()


def test_resuming_a_finished_training_trains_no_more(tmp_path):
    whole = fit(tmp_path, TRAIN, VALID, members=2)
    said: list[str] = []
    assert same(fit(tmp_path, TRAIN, VALID, members=2, resume=True, said=said), whole)
    assert not any("epoch" in text for text in said)


class Payload:
    """What a hostile checkpoint would run."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return (Path.touch, (Path("executed"),))


def hostile(path: Path) -> None:
    torch.save({"state_dict": {}, "epoch": 0, "curve": [], "stopped": False, "x": Payload()}, path)


def plain_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps(Payload()))


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2000])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def foreign(path: Path) -> None:
    loaded = torch.load(path, weights_only=True)
    loaded["state_dict"] = {"other": torch.zeros(3)}
    torch.save(loaded, path)


def other_kind(path: Path) -> None:
    torch.save([1, 2], path)


def without_epoch(path: Path) -> None:
    loaded = torch.load(path, weights_only=True)
    del loaded["epoch"]
    torch.save(loaded, path)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an interrupted training left."""
    folder = tmp_path_factory.mktemp("stopped")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("genrekit.progress.EPOCH_EVERY_S", 0)
        _interrupted(folder, "epoch 3 of")
    return folder


DAMAGES = (hostile, plain_pickle, truncated, empty, foreign, other_kind, without_epoch)


@pytest.mark.parametrize(
    ("name", "damage"), [*itertools.product(("last.ckpt", "best.ckpt"), DAMAGES), ("best.ckpt", Path.unlink)]
)
def test_a_damaged_checkpoint_is_refused_and_nothing_of_it_runs(tmp_path, stopped, monkeypatch, damage, name):
    monkeypatch.chdir(tmp_path)
    run = tmp_path / "run"
    shutil.copytree(stopped, run)
    (path,) = run.rglob(name)
    if name == "best.ckpt":  # read at the end, where no epoch was better than it
        monkeypatch.setattr(L.Trainer, "fit", lambda *arguments, **settings: None)
    damage(path)
    with pytest.raises(TrainingError, match="damaged") as refused:
        fit(run, TRAIN, VALID, resume=True)
    assert name in refused.value.message
    assert "--overwrite" in refused.value.hint
    assert not Path("executed").exists()


def test_the_handler_of_interrupts_is_the_one_from_before(tmp_path):
    def handler(number: int, frame: object) -> None: ...

    before = signal.signal(signal.SIGINT, handler)
    try:
        _interrupted(tmp_path, "epoch 2")
        assert signal.getsignal(signal.SIGINT) is handler
        fit(tmp_path / "again", TRAIN, None, epochs=1)
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_thread_may_train(tmp_path):
    fitted: list[Fitted] = []
    thread = threading.Thread(target=lambda: fitted.append(fit(tmp_path, TRAIN, None, epochs=1)))
    thread.start()
    thread.join()
    assert same(fitted[0], fit(tmp_path / "again", TRAIN, None, epochs=1))


def test_nothing_is_printed_and_nothing_warns(tmp_path, capfd):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit(tmp_path, TRAIN, VALID, epochs=2)
    assert capfd.readouterr() == ("", "")
    assert [str(warning.message) for warning in caught] == []


def test_the_lines_say_how_far_it_is(tmp_path):
    said: list[str] = []
    fit(tmp_path, TRAIN, VALID, epochs=2, said=said)
    assert said[0].endswith("parameters, on cpu in 32-true")
    assert said[1].startswith("epoch 1 of 2: loss 1.")
    assert "accuracy" in said[1]
    assert said[2].endswith("0:00 left")
    assert said[3].startswith("temperature ")


def test_each_process_of_torchrun_trains_on_a_gpu_of_its_own(monkeypatch):
    from genrekit.backends.neural.device import choose

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "H100")
    alone = choose(config_of(device="cuda:1", precision="32"))
    assert (alone.name, alone.torch) == ("H100 (cuda:1)", torch.device("cuda", 1))
    assert alone.trainer_settings()["devices"] == [1]
    ranks = {"RANK": 3, "LOCAL_RANK": 1, "WORLD_SIZE": 4, "LOCAL_WORLD_SIZE": 2, "TORCHELASTIC_RUN_ID": "x"}
    for name, value in ranks.items():
        monkeypatch.setenv(name, str(value))
    one = choose(config_of(device="cuda", precision="32"))
    assert one.index == 1
    settings = one.trainer_settings()
    assert (settings["strategy"], settings["devices"], settings["num_nodes"]) == ("ddp", 2, 2)


def test_the_gpu_with_the_most_free_memory_is_chosen(monkeypatch):
    from genrekit.backends.neural.device import choose

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda index: ((5, 9, 7)[index], 10))
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: False)
    assert choose(config_of(device="auto", precision="auto")) == Device("cuda", 1, "32-true")
    assert choose(config_of(device="cuda:2", precision="fp16")) == Device("cuda", 2, "16-mixed")
    with pytest.raises(ConfigError, match="finds 3 GPUs"):
        choose(config_of(device="cuda:3"))
