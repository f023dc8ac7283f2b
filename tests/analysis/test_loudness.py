"""Loudness: the values that ITU-R BS.1770-4 and EBU Tech 3341 fix, and pyloudnorm's meter in one piece."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyloudnorm
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genrekit.analysis.loudness import integrated_loudness, k_weighting
from genrekit.errors import MediaError

Samples = npt.NDArray[np.float32]


def sine(db: float, seconds: float, sr: int = 48000, n_channels: int = 2, hz: float = 997) -> Samples:
    """A sine whose peak is ``db`` below full scale, in every channel."""
    y = 10 ** (db / 20) * np.sin(2 * np.pi * hz * np.arange(round(seconds * sr)) / sr)
    return np.repeat(y[:, None], n_channels, axis=1).astype(np.float32)


def noise(seconds: float, sr: int, seed: int = 0) -> Samples:
    """Stereo noise that is quiet, loud and silent in turns."""
    y = 0.1 * np.random.default_rng(seed).standard_normal((round(seconds * sr), 2))
    level = np.repeat([0.02, 1, 0, 0.5], -(-len(y) // 4))[: len(y), None]
    return (y * level).astype(np.float32)


def test_the_filters_are_those_of_the_standard() -> None:
    """Tables 1 and 2 of BS.1770-4, at 48 kHz."""
    shelf = [1.53512485958697, -2.69169618940638, 1.19839281085285, 1, -1.69065929318241, 0.73248077421585]
    high_pass = [1, -2, 1, 1, -1.99004745483398, 0.99007225036621]
    np.testing.assert_allclose(k_weighting(48000), [shelf, high_pass], atol=1e-7)


@pytest.mark.parametrize("sr", [8000, 22050, 44100, 48000, 96000])
@pytest.mark.parametrize(
    ("n_channels", "expected"),
    [(1, -23.01), (2, -20.0)],  # 0 dBFS in one front channel is -3.01 LKFS; a second doubles the power
)
def test_997_hz_at_minus_20_dbfs(sr, n_channels, expected) -> None:
    assert integrated_loudness([sine(-20, 5, sr, n_channels)], sr) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        # EBU Tech 3341, table 1: cases 1 to 5, dBFS and seconds of a stereo sine of 1 kHz
        ([(-23, 20)], -23.0),
        ([(-33, 20)], -33.0),
        ([(-36, 10), (-23, 60), (-36, 10)], -23.0),  # the relative gate
        ([(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)], -23.0),  # and the absolute one
        ([(-26, 20), (-20, 20.1), (-26, 20)], -23.0),
    ],
)
def test_gating_as_the_ebu_checks_it(parts, expected) -> None:
    blocks = [sine(db, seconds, hz=1000) for db, seconds in parts]
    assert integrated_loudness(blocks, 48000) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize(
    ("channel", "gain_lu"),
    [(0, 0), (2, 0), (4, 1.49), (5, 1.49)],  # surrounds weigh 1.41
)
def test_channels_of_5_1(channel, gain_lu) -> None:
    y = np.zeros((48000, 6), np.float32)
    y[:, [channel]] = sine(-20, 1, n_channels=1)
    y[:, 3] = 0.5  # the LFE does not count
    y[:, 3] *= sine(0, 1, n_channels=1, hz=60)[:, 0]
    assert integrated_loudness([y], 48000) == pytest.approx(-23.01 + gain_lu, abs=0.1)


@pytest.mark.parametrize("sr", [8000, 11025, 44100])
def test_blocks_give_what_the_reference_gives_in_one_piece(sr) -> None:
    y = noise(4.0, sr)
    expected = pyloudnorm.Meter(sr, filter_class="DeMan").integrated_loudness(y.astype(np.float64))
    assert integrated_loudness([y], sr) == pytest.approx(expected, abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 24000), max_size=12))
def test_where_blocks_end_does_not_matter(cuts) -> None:
    sr = 11025
    y = noise(24000 / sr, sr)
    edges = [0, *sorted(cuts), len(y)]
    blocks = [y[start:stop] for start, stop in pairwise(edges)]
    assert integrated_loudness(blocks, sr) == pytest.approx(integrated_loudness([y], sr), abs=1e-9)


def test_an_incomplete_last_block_does_not_count() -> None:
    quiet, click = sine(-40, 2), sine(0, 0.09)
    assert integrated_loudness([quiet, click], 48000) == integrated_loudness([quiet], 48000)


@pytest.mark.parametrize(
    "blocks",
    [
        [],
        [np.zeros((0, 2), np.float32)],
        [sine(-20, 0.4)[:-1]],
        [np.zeros((48000, 2), np.float32)],
        [sine(-71, 2)],
        [np.zeros((48000, 9), np.float32)],
    ],
    ids=["nothing", "no samples", "a sample under 0.4 s", "silence", "below the gate", "nine channels"],
)
def test_what_has_no_loudness(blocks) -> None:
    assert integrated_loudness(blocks, 48000) is None


def test_the_shortest_song_has_a_loudness() -> None:
    assert integrated_loudness([sine(-20, 0.4)], 48000) == pytest.approx(-20, abs=0.2)


def test_low_rates_have_no_loudness() -> None:
    assert integrated_loudness([sine(-20, 1, 7999)], 7999) is None


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_no_numbers(value) -> None:
    y = sine(-20, 1)
    y[777, 1] = value
    with pytest.raises(MediaError, match="not finite"):
        integrated_loudness([y], 48000)


def test_a_changing_number_of_channels() -> None:
    with pytest.raises(MediaError, match="channels changes from 2 to 1"):
        integrated_loudness([sine(-20, 1), sine(-20, 1, n_channels=1)], 48000)
