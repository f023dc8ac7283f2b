"""Instruments of generated songs: functions from a note to its samples.

Every pitched instrument is ``play(f_hz, duration_s, bright, rng) -> render``: it draws its random numbers, and ``render()``
returns the samples, float64 at `SR`, peak near 1, with a release after ``duration_s``. A note behind the end of a song is
drawn, so that the song does not depend on its length, and not rendered. Every drum is ``hit(bright, rng) -> y``.
``bright`` in [0, 1] is the timbre.

Plucked strings follow K. Karplus, A. Strong, *Digital synthesis of plucked-string and drum timbres*, Computer
Music Journal 7(2), 1983; bells and brass J. Chowning, *The synthesis of complex audio spectra by means of
frequency modulation*, J. Audio Eng. Soc. 21(7), 1973.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial, wraps

import numpy as np
import numpy.typing as npt

SR = 22_050
NYQUIST_HZ = SR / 2

Samples = npt.NDArray[np.float64]
Render = Callable[[], Samples]
Note = Callable[[float, float, float, np.random.Generator], Render]
Hit = Callable[[float, np.random.Generator], Samples]

_TABLE = 1024


def seconds(duration_s: float) -> Samples:
    """Return the times of the samples of a duration, in seconds."""
    return np.arange(max(1, round(duration_s * SR))) / SR


def gate(duration_s: float, *, attack_s: float, release_s: float) -> Samples:
    """Return an envelope that rises, holds until ``duration_s`` and falls exponentially."""
    t = seconds(duration_s + 4 * release_s)
    held = np.minimum(t / attack_s, 1.0)
    return held * np.exp(-np.maximum(t - duration_s, 0) / release_s)


def padded(n: int) -> int:
    """Return the power of two to which a Fourier transform of n samples is padded."""
    return 1 << (n - 1).bit_length()


def band(y: Samples, low_hz: float, high_hz: float = np.inf, *, order: int = 2) -> Samples:
    """Keep the band between two frequencies; the slopes have the magnitude of a Butterworth filter.

    It uses a Fourier transform, because importing ``scipy.signal`` takes longer than the whole synthesis.
    """
    n = padded(2 * len(y))
    f_hz = np.maximum(np.arange(n // 2 + 1) * SR / n, 1e-9)
    gain = 1 / np.sqrt((1 + (low_hz / f_hz) ** (2 * order)) * (1 + (f_hz / high_hz) ** (2 * order)))
    return np.asarray(np.fft.irfft(np.fft.rfft(y, n) * gain, n)[: len(y)], np.float64)


def wave(amplitudes: Samples, phase: Samples) -> Samples:
    """Read a band-limited wave with the given harmonic amplitudes at a phase in cycles."""
    spectrum = np.zeros(_TABLE // 2 + 1, dtype=complex)
    spectrum[1 : len(amplitudes) + 1] = -0.5j * _TABLE * amplitudes
    table = np.fft.irfft(spectrum)
    steps = np.diff(table, append=table[0])
    place = (phase - np.floor(phase)) * _TABLE
    before = place.astype(np.int64)
    return np.asarray(steps[before] * (place - before) + table[before], np.float64)


def harmonics(f_hz: float, slope: float) -> Samples:
    """Return amplitudes ``1/h**slope`` of the harmonics below the Nyquist frequency, 200 at most."""
    h = np.arange(1, max(2, min(200, int(0.9 * NYQUIST_HZ / f_hz)) + 1))
    return np.asarray(h**-slope, np.float64)


def _cycles(f_hz: float, n: int, *, vibrato: float = 0.0, drift: float = 0.0) -> Samples:
    if not vibrato:
        return np.cumsum(np.full(n, f_hz * (1 + drift))) / SR
    swing, depth = _vibrato(n)
    return np.cumsum(f_hz * (1 + vibrato * swing * depth + drift)) / SR


@lru_cache(maxsize=8)
def _vibrato(n: int) -> tuple[Samples, Samples]:
    """Return a vibrato of n samples and its growing depth."""
    t = np.arange(n) / SR
    return np.sin(2 * np.pi * 5.3 * t), np.minimum(t / 0.4, 1)


def _without_chance(play: Callable[[float, float, float], Samples]) -> Note:
    """Make an instrument of a function that draws no random numbers."""

    @wraps(play)
    def note(f_hz: float, duration_s: float, bright: float, rng: np.random.Generator) -> Render:
        return partial(play, f_hz, duration_s, bright)

    return note


def pluck(f_hz: float, duration_s: float, bright: float, rng: np.random.Generator) -> Render:
    """Play a plucked string: one period of noise, each repetition of it smoothed a little (Karplus and Strong)."""
    oversample = 4
    noise = rng.uniform(-1, 1, max(8, round(oversample * SR / f_hz)))
    return partial(_plucked, f_hz, duration_s, bright, noise)


def _plucked(f_hz: float, duration_s: float, bright: float, noise: Samples) -> Samples:
    period = len(noise)
    n = round((duration_s + 0.2) * f_hz) + 2
    start = np.fft.rfft(noise)
    k = np.arange(len(start))
    start[k > min(0.9 * NYQUIST_HZ / f_hz, 4 + 60 * bright)] = 0
    start[0] = 0
    # The loop averages neighbours: harmonic k loses the same factor in every period.
    loss = np.abs(0.5 + 0.5 * np.exp(-2j * np.pi * k * f_hz / SR)) * (0.985 + 0.01 * bright)
    loss = loss ** max(0.2, 220 / f_hz * 0.6)
    periods = np.fft.irfft(start * loss ** np.arange(n)[:, None], period, axis=1).ravel()
    phase = np.arange(round((duration_s + 0.15) * SR)) * f_hz / SR * period
    y = np.interp(phase, np.arange(len(periods)), periods)
    y *= np.exp(-np.maximum(seconds(duration_s + 0.15)[: len(y)] - duration_s, 0) / 0.04)
    return np.asarray(y / (np.abs(y).max() + 1e-9), np.float64)


def keys(f_hz: float, duration_s: float, bright: float, rng: np.random.Generator) -> Render:
    """Play a piano: slightly stretched partials that die away, high ones first, and the knock of the hammer."""
    n_partials = max(2, min(16, int(0.9 * NYQUIST_HZ / f_hz)) + 1) - 1
    weights = rng.uniform(0.6, 1.0, (n_partials, 1))
    noise = rng.standard_normal(len(seconds(duration_s + 0.3)))
    return partial(_struck, f_hz, duration_s, bright, weights, noise)


def _struck(f_hz: float, duration_s: float, bright: float, weights: Samples, noise: Samples) -> Samples:
    t = seconds(duration_s + 0.3)
    h = np.arange(1, len(weights) + 1)[:, None]
    f = f_hz * h * np.sqrt(1 + 4e-4 * h**2)
    level = h ** -(2.2 - bright) * weights
    decay_s = 2.2 * (110 / f_hz) ** 0.3 / (1 + 0.5 * (h - 1) * (1.2 - bright))
    heard = np.flatnonzero(f < NYQUIST_HZ)
    f, level, decay_s = f[heard], level[heard], decay_s[heard]
    partials = level * np.exp(-t / decay_s) * np.sin(2 * np.pi * f * t)
    knock = 0.15 * noise * np.exp(-t / 0.008)
    y = (partials.sum(axis=0) + knock) * np.exp(-np.maximum(t - duration_s, 0) / 0.06)
    return np.asarray(y / np.abs(y).max(), np.float64)


@_without_chance
def electric_piano(f_hz: float, duration_s: float, bright: float) -> Samples:
    """Play a tine piano by frequency modulation, 1:1 for the body and 14:1 for the tine."""
    t = seconds(duration_s + 0.3)
    cycle = 2 * np.pi * f_hz * t
    body = np.sin(cycle + (0.4 + 1.6 * bright) * np.exp(-t / 0.6) * np.sin(cycle))
    tine = np.sin(cycle + 0.5 * np.exp(-t / 0.08) * np.sin(14 * cycle)) if f_hz * 15 < NYQUIST_HZ else 0.0
    level = np.exp(-t / 1.1) * np.minimum(t / 0.004, 1) * np.exp(-np.maximum(t - duration_s, 0) / 0.06)
    return np.asarray((0.8 * body + 0.2 * tine) * level, np.float64)


@_without_chance
def organ(f_hz: float, duration_s: float, bright: float) -> Samples:
    """Play a drawbar organ."""
    bars = np.zeros(16)
    bars[[0, 1, 2, 3, 5, 7]] = 1.0, 0.8, 0.6, 0.3 + 0.5 * bright, 0.4 * bright, 0.5 * bright
    bars[np.arange(1, 17) * f_hz > 0.9 * NYQUIST_HZ] = 0
    level = gate(duration_s, attack_s=0.012, release_s=0.03)
    return np.asarray(wave(bars, _cycles(f_hz, len(level), vibrato=0.004)) * level / bars.sum(), np.float64)


def strings(f_hz: float, duration_s: float, bright: float, rng: np.random.Generator) -> Render:
    """Play a bowed section: detuned, vibrating saw-like voices with a slow attack."""
    return partial(_bowed, f_hz, duration_s, bright, [rng.uniform() for _ in range(3)])


def _bowed(f_hz: float, duration_s: float, bright: float, phases: list[float]) -> Samples:
    level = gate(duration_s, attack_s=min(0.12, 0.4 * duration_s), release_s=0.12)
    amplitudes = harmonics(f_hz, 2.1 - 0.9 * bright)
    voices = [
        wave(amplitudes, _cycles(f_hz, len(level), vibrato=0.005, drift=detune) + phase)
        for detune, phase in zip((-0.0025, 0.0, 0.0031), phases, strict=True)
    ]
    return np.asarray(np.sum(voices, axis=0) * level / 4, np.float64)


def brass(f_hz: float, duration_s: float, bright: float, rng: np.random.Generator) -> Render:
    """Play a horn by frequency modulation, brighter when louder, with breath."""
    level = gate(duration_s, attack_s=0.04, release_s=0.05)
    return partial(_blown, f_hz, bright, level, rng.standard_normal(len(level)))


def _blown(f_hz: float, bright: float, level: Samples, noise: Samples) -> Samples:
    cycle = 2 * np.pi * _cycles(f_hz, len(level), vibrato=0.006)
    index = (1.0 + 3.0 * bright) * level * min(1.0, 0.25 * NYQUIST_HZ / f_hz)
    breath = 0.05 * noise
    return (np.sin(cycle + index * np.sin(cycle)) + breath) * level


@_without_chance
def saw(f_hz: float, duration_s: float, bright: float) -> Samples:
    """Play a synthesizer: two detuned saws through a closing filter."""
    level = gate(duration_s, attack_s=0.005, release_s=0.04)
    t = np.arange(len(level)) / SR
    phase = _cycles(f_hz, len(level))
    open_ = wave(harmonics(f_hz, 1.0), phase) + wave(harmonics(f_hz, 1.0), phase * 1.004)
    closed = wave(harmonics(f_hz, 2.4), phase) + wave(harmonics(f_hz, 2.4), phase * 1.004)
    mix = bright * np.exp(-t / (0.1 + 0.5 * bright))
    return (mix * open_ + (1 - mix) * closed) * level / 3


@_without_chance
def sub(f_hz: float, duration_s: float, bright: float) -> Samples:
    """Play a deep bass: a sine with a little of its octave and twelfth."""
    level = gate(duration_s, attack_s=0.008, release_s=0.05)
    return wave(np.array([1.0, 0.25 * bright, 0.2 * bright]), _cycles(f_hz, len(level))) * level


def power(f_hz: float, duration_s: float, bright: float, rng: np.random.Generator) -> Render:
    """Play a distorted guitar: strings at 1:1.5:2, hard clipped, through a loudspeaker."""
    return partial(
        _distorted, bright, [pluck(f_hz * ratio, duration_s, 0.8, rng) for ratio in (1.0, 1.498, 2.0)]
    )


def _distorted(bright: float, plucked: list[Render]) -> Samples:
    strung = [render() for render in plucked]
    n = min(map(len, strung))
    y = np.tanh((6 + 14 * bright) * np.sum([s[:n] for s in strung], axis=0))
    return band(y, 80.0, 4500 + 2500 * bright, order=1)


@_without_chance
def lead_guitar(f_hz: float, duration_s: float, bright: float) -> Samples:
    """Play a single distorted string with vibrato."""
    level = gate(duration_s, attack_s=0.005, release_s=0.04)
    y = wave(harmonics(f_hz, 1.2), _cycles(f_hz, len(level), vibrato=0.008))
    return band(np.tanh((3 + 6 * bright) * y), 200.0, 4500.0) * level


# First three formants of vowels in Hz: G. Peterson, H. Barney, J. Acoust. Soc. Am. 24(2), 1952, men.
_VOWELS = ((730, 1090, 2440), (530, 1840, 2480), (570, 840, 2410), (270, 2290, 3010), (300, 870, 2240))


def voice(f_hz: float, duration_s: float, bright: float, rng: np.random.Generator) -> Render:
    """Sing a syllable: a consonant of noise, then one vowel gliding to another."""
    level = gate(duration_s, attack_s=0.02, release_s=0.03)
    vowels = rng.choice(len(_VOWELS), 2)
    jitter, hiss = rng.standard_normal(len(level)), rng.standard_normal(len(level))
    return partial(_sung, f_hz, bright, level, vowels, jitter, hiss, rng.choice([0.0, 0.15, 0.4]))


def _sung(
    f_hz: float,
    bright: float,
    level: Samples,
    vowels: npt.NDArray[np.int64],
    jitter: Samples,
    hiss: Samples,
    consonant: float,
) -> Samples:
    n = len(level)
    f = np.arange(1, max(2, int(0.9 * NYQUIST_HZ / f_hz)) + 1) * f_hz
    shapes = []
    for vowel in vowels:
        formants = np.array(_VOWELS[vowel])[:, None]
        width_hz = 90 + 0.05 * formants
        peaks = (1 / (1 + ((f - formants) / width_hz) ** 2)) * np.array([[1.0], [0.5], [0.25 + 0.3 * bright]])
        shapes.append((peaks.sum(axis=0) + 0.01) * (f_hz / f) ** 0.5)
    phase = _cycles(f_hz, n, vibrato=0.01, drift=0.0) + 0.02 * np.cumsum(jitter) / np.sqrt(SR)
    glide = np.linspace(0, 1, n)
    y = (1 - glide) * wave(shapes[0], phase) + glide * wave(shapes[1], phase)
    hiss = hiss * np.exp(-np.arange(n) / (0.03 * SR)) * consonant
    return np.asarray((y / (np.abs(y).max() + 1e-9) + band(hiss, 2500.0)) * level, np.float64)


def kick(bright: float, rng: np.random.Generator) -> Samples:
    """Hit a bass drum: a falling sine and a click."""
    t = seconds(0.3)
    body = np.sin(2 * np.pi * (62 * t + 5.0 * (1 - np.exp(-t / 0.03)))) * np.exp(-t / 0.08)
    click = 0.5 * bright * rng.standard_normal(len(t)) * np.exp(-t / 0.003)
    return np.asarray(np.tanh(2 * body) + click, np.float64)


def snare(bright: float, rng: np.random.Generator) -> Samples:
    """Hit a snare drum: a short tone under a burst of noise."""
    t = seconds(0.25)
    wires = band(rng.standard_normal(len(t)), 1200 + 1500 * bright) * np.exp(-t / (0.05 + 0.05 * bright))
    return 0.6 * np.sin(2 * np.pi * 190 * t) * np.exp(-t / 0.05) + 0.7 * wires


def rim(bright: float, rng: np.random.Generator) -> Samples:
    """Play a rim shot: a short knock of wood."""
    t = seconds(0.08)
    wood = np.sin(2 * np.pi * (900 + 900 * bright) * t) * np.exp(-t / 0.012)
    return wood + 0.2 * rng.standard_normal(len(t)) * np.exp(-t / 0.006)


def clap(bright: float, rng: np.random.Generator) -> Samples:
    """Play a clap: four bursts of noise in quick succession."""
    t = seconds(0.22)
    late = np.array([0.0, 0.011, 0.022])[:, None]
    bursts: Samples = (np.exp(-np.maximum(t - late, 0) / 0.012) * (t >= late)).sum(axis=0)
    return 0.4 * band(rng.standard_normal(len(t)), 900.0, 3500 + 3000 * bright) * (bursts + np.exp(-t / 0.07))


def cymbal(
    bright: float, rng: np.random.Generator, *, length_s: float, low_hz: float, fall_s: float
) -> Samples:
    """Hit a cymbal: noise above a frequency that dies away."""
    t = seconds(length_s)
    return 0.5 * band(rng.standard_normal(len(t)), low_hz + 2500 * bright) * np.exp(-t / fall_s)


def ride(bright: float, rng: np.random.Generator) -> Samples:
    """Hit a ride cymbal: inharmonic partials in a wash of noise."""
    t = seconds(0.6)
    f_hz = np.array([2480.0, 3310.0, 4170.0, 5430.0, 6290.0, 7850.0])[:, None] * (0.9 + 0.2 * bright)
    bell = np.sin(2 * np.pi * f_hz * t + rng.uniform(0, 2 * np.pi, (6, 1))).mean(axis=0) * np.exp(-t / 0.2)
    wash = 0.2 * band(rng.standard_normal(len(t)), 6000.0) * np.exp(-t / 0.15)
    return np.asarray(0.5 * bell + wash, np.float64)


NOTES: dict[str, Note] = {
    f.__name__: f
    for f in (pluck, keys, electric_piano, organ, strings, brass, saw, sub, power, lead_guitar, voice)
}
HITS: dict[str, Hit] = {
    **{f.__name__: f for f in (kick, snare, rim, clap, ride)},
    "hat": partial(cymbal, length_s=0.09, low_hz=5000, fall_s=0.022),
    "open_hat": partial(cymbal, length_s=0.4, low_hz=4500, fall_s=0.12),
}
