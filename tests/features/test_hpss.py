from __future__ import annotations

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import median_filter

from genrekit.features import hpss


@settings(deadline=None)
@given(
    n=st.integers(3, 130),
    m=st.integers(1, 9),
    size=st.sampled_from([3, 5, 31]),
    seed=st.integers(0, 2**32 - 1),
)
def test_running_median_is_scipys_to_the_bit(n, m, size, seed) -> None:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, m)).astype(np.float32)
    x[rng.random((n, m)) < 0.2] = 0  # ties
    np.testing.assert_array_equal(hpss.running_median(x, size), median_filter(x, (size, 1), mode="reflect"))


@pytest.mark.parametrize("n", [1, 2])  # of two rows SciPy 1.17 mirrors the wrong one
def test_running_median_of_fewer_rows_than_a_window_mirrors_them_again_and_again(n) -> None:
    x = np.random.default_rng(0).random((n, 4), np.float32)
    mirrored = np.pad(x, ((15, 15), (0, 0)), mode="symmetric")
    expected = np.median(np.lib.stride_tricks.sliding_window_view(mirrored, 31, axis=0), axis=-1)
    np.testing.assert_array_equal(hpss.running_median(x), expected)


@pytest.mark.parametrize("m", [3, 1025, 5000])
def test_running_median_of_narrow_and_wide_arrays(m) -> None:
    x = np.random.default_rng(0).random((97, m), np.float32)
    np.testing.assert_array_equal(hpss.running_median(x), median_filter(x, (31, 1), mode="reflect"))


def test_mask_is_librosas(magnitude) -> None:
    expected, _ = librosa.decompose.hpss(magnitude.T, mask=True)
    np.testing.assert_allclose(hpss.harmonic_mask(magnitude), expected.T, atol=1e-6)


def test_mask_of_silence_is_a_half(magnitude) -> None:
    quiet = magnitude.copy()
    quiet[20:120] = 0
    expected, _ = librosa.decompose.hpss(quiet.T, mask=True)
    np.testing.assert_allclose(hpss.harmonic_mask(quiet), expected.T, atol=1e-6)
    assert (expected == 0.5).any()


def test_signals_are_librosas(song, spectrum, magnitude) -> None:
    harmonic, percussive = hpss.hpss(song, spectrum, magnitude)
    for actual, part in zip((harmonic, percussive), librosa.decompose.hpss(spectrum.T), strict=True):
        expected = librosa.util.fix_length(librosa.istft(part), size=len(song))
        np.testing.assert_allclose(actual, expected, atol=1e-6)
