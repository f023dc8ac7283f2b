from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Generator, Tensor

from genrekit.backends.spectrogram import augment

TOP_DB = 40.0

CHANGES: dict[str, Callable[[Tensor, float, Generator], Tensor]] = {
    "mask_bands": lambda w, s, g: augment.mask_bands(w, int(s * 16), 2, g),
    "mask_frames": lambda w, s, g: augment.mask_frames(w, int(s * 16), 2, g),
    "shift_level": lambda w, s, g: augment.shift_level(w, s * 6, TOP_DB, g),
    "filter_bands": lambda w, s, g: augment.filter_bands(w, s * 6, TOP_DB, g),
    "roll_frames": lambda w, s, g: augment.roll_frames(w, s, g),
    "mix_style": lambda w, s, g: augment.mix_style(w, s, 0.5, g),
    "mixup": lambda w, s, g: augment.mixup(w, torch.eye(len(w)), s, g)[0],
}


def seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def windows(n: int = 4, n_mels: int = 32, n_frames: int = 40) -> Tensor:
    return torch.rand(n, n_mels, n_frames, generator=seeded(9)) * TOP_DB - TOP_DB


@pytest.mark.parametrize("name", CHANGES)
def test_the_generator_alone_decides(name: str) -> None:
    change, batch = CHANGES[name], windows()
    before = batch.clone()
    first, again, other = (change(batch, 1.0, seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not torch.equal(first, batch)
    assert torch.equal(batch, before)


@pytest.mark.parametrize("name", CHANGES)
def test_strength_zero_changes_nothing(name: str) -> None:
    batch = windows()
    assert torch.equal(CHANGES[name](batch, 0.0, seeded()), batch)


@given(
    name=st.sampled_from(sorted(CHANGES.keys() - {"mix_style"})),
    strength=st.floats(0, 1),
    n=st.integers(1, 4),
    n_mels=st.integers(2, 40),
    n_frames=st.integers(1, 30),
    seed=st.integers(0, 2**32),
)
def test_levels_stay_in_range(
    name: str, strength: float, n: int, n_mels: int, n_frames: int, seed: int
) -> None:
    changed = CHANGES[name](windows(n, n_mels, n_frames), strength, seeded(seed))
    assert changed.shape == (n, n_mels, n_frames)
    assert changed.dtype == torch.float32
    assert changed.min() >= -TOP_DB - 1e-4
    assert changed.max() <= 1e-4


@pytest.mark.parametrize(("change", "dim"), [(augment.mask_bands, 1), (augment.mask_frames, 2)])
def test_masks_cover_whole_runs_of_at_most_their_width(
    change: Callable[[Tensor, int, int, Generator], Tensor], dim: int
) -> None:
    batch = windows(200)
    changed = change(batch, 6, 1, seeded()) != batch
    hidden = changed.all(dim=3 - dim)
    assert torch.equal(hidden, changed.any(dim=3 - dim))
    assert set(hidden.sum(dim=1).tolist()) == set(range(7))
    assert ((hidden[:, 1:] & ~hidden[:, :-1]).sum(dim=1) + hidden[:, 0] <= 1).all()
    assert hidden.any(dim=0).all()


def test_masks_hide_behind_the_mean() -> None:
    batch = windows()
    everything = augment.mask_frames(batch, 10**6, 50, seeded())
    hidden = everything != batch
    assert hidden.any()
    means = batch.mean(dim=(1, 2), keepdim=True).expand_as(batch)
    torch.testing.assert_close(everything[hidden], means[hidden])


def test_a_gain_is_one_number_a_window_within_its_strength() -> None:
    batch = torch.full((300, 4, 5), -20.0)
    gain_db = augment.shift_level(batch, 6.0, TOP_DB, seeded()) - batch
    assert torch.equal(gain_db, gain_db[:, :1, :1].expand_as(gain_db))
    assert -6 <= gain_db.min() < -5
    assert 5 < gain_db.max() <= 6


def test_levels_are_cut_off_at_both_ends() -> None:
    batch = torch.cat((torch.full((50, 4, 5), -39.0), torch.full((50, 4, 5), -1.0)))
    for change in (augment.shift_level, augment.filter_bands):
        changed = change(batch, 20.0, TOP_DB, seeded())
        assert changed.min() == -TOP_DB
        assert changed.max() == 0


def test_a_filter_is_a_line_between_points_and_the_same_in_every_frame() -> None:
    batch = torch.full((50, 33, 7), -20.0)
    gain_db = augment.filter_bands(batch, 6.0, TOP_DB, seeded(), points=3) - batch
    assert torch.equal(gain_db, gain_db[:, :, :1].expand_as(gain_db))
    bends = gain_db[:, :, 0].diff(dim=1).diff(dim=1).abs()
    assert (bends > 1e-3).sum(dim=1).max() == 1
    assert gain_db.abs().max() <= 6


def test_a_roll_keeps_every_frame() -> None:
    batch = torch.arange(30.0).expand(60, 2, 30)
    rolled = augment.roll_frames(batch, 0.5, seeded())
    starts = rolled[:, 0, 0].long().tolist()
    assert all(
        torch.equal(window, before.roll(-start, dims=1))
        for window, before, start in zip(rolled, batch, starts, strict=True)
    )
    assert {(30 - start) % 30 for start in starts} == set(range(16))


def test_style_is_a_blend_and_what_is_played_stays() -> None:
    scale = torch.linspace(0.5, 2, 40)[:, None, None]
    batch = windows(40) * scale - 20 * scale
    mixed = augment.mix_style(batch, 1.0, 1.0, seeded())
    for statistic in (batch.mean(dim=2), batch.std(dim=2)):
        assert statistic.std(dim=0).min() > 0
    assert (mixed.std(dim=2).std(dim=0) < batch.std(dim=2).std(dim=0)).all()

    def shape(levels: Tensor) -> Tensor:
        return (levels - levels.mean(dim=2, keepdim=True)) / levels.std(dim=2, keepdim=True)

    torch.testing.assert_close(shape(mixed), shape(batch), rtol=1e-3, atol=1e-3)
    assert augment.mix_style(torch.full((3, 4, 5), -40.0), 1.0, 0.5, seeded()).eq(-40).all()


def test_only_some_windows_change_their_style() -> None:
    batch = windows(400, 4, 6)
    same = (augment.mix_style(batch, 0.25, 0.5, seeded()) == batch).all(dim=2).all(dim=1)
    assert 0.65 < same.float().mean() < 0.85


def test_mixup_blends_windows_and_targets_alike() -> None:
    n = 400
    batch = torch.eye(n)[:, :, None].expand(n, n, 2) - 1
    mixed, targets = augment.mixup(batch, torch.eye(n), 1.0, seeded())
    torch.testing.assert_close(mixed[:, :, 0] + 1, targets)
    torch.testing.assert_close(targets.sum(dim=1), torch.ones(n))
    own = targets.diagonal()
    assert own.min() >= 0.5
    assert 0.70 < own.mean() < 0.80  # max(share, 1 - share) of a uniform share: 3/4


@pytest.mark.parametrize("alpha", [1e-6, 0.2, 50.0])
def test_mixup_shares_follow_alpha(alpha: float) -> None:
    _, targets = augment.mixup(windows(300), torch.eye(300), alpha, seeded())
    own = targets.diagonal().mean()
    assert targets.isfinite().all()
    assert {1e-6: own > 0.99, 0.2: 0.8 < own < 0.99, 50.0: own < 0.6}[alpha]
