"""Songs of a style: a band with its sound, a song with its tempo, key and tune, and its recording.

The same arguments give the same samples. A band keeps its instruments, their timbre and its sound over all
its songs, as artists do; that is why bands are groups.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np
import numpy.typing as npt

from genrekit.datasets.synthetic.instruments import HITS, NOTES, SR, Render, Samples, padded
from genrekit.datasets.synthetic.styles import OCTAVES_HZ, PARTS, SCALES, STYLES, Part, Pattern, Style

STEPS = 16
SECTION_BARS = 4
# Deviation of the sound of a band from its style: standard deviation in dB at each octave.
COLOUR_DB = 1.5


@dataclass(frozen=True)
class Band:
    """Common properties of the songs of one artist; levels in dB, timbres in [0, 1]."""

    style: Style
    instruments: dict[str, str]
    bright: dict[str, float]
    level_db: dict[str, float]
    colour_db: Samples
    hiss_db: float


def make_band(style: str, *, seed: int, band: int, crossover: float) -> Band:
    """Make a band.

    Parameters
    ----------
    style : str
        A name in `STYLES`.
    seed, band : int >= 0
        Number of the band, with its seed.
    crossover : float in [0, 1]
        The probability of each ingredient to come from another style.
    """
    rng = np.random.default_rng([seed, list(STYLES).index(style), band])
    mixed = _mixed(STYLES[style], crossover, rng)
    parts: dict[str, Part] = {name: getattr(mixed, name) for name in PARTS}
    return Band(
        style=mixed,
        instruments={name: str(rng.choice(part.instruments)) for name, part in parts.items()},
        bright={name: rng.uniform() for name in (*PARTS, "drums")},
        level_db={
            "bass": rng.uniform(-8, -4),
            "comp": rng.uniform(-11, -6),
            "lead": rng.uniform(-10, -5),
            "pad": rng.uniform(-24, -15),
            "drums": rng.uniform(-8, -3),
        },
        colour_db=rng.normal(0, COLOUR_DB, len(OCTAVES_HZ)),
        hiss_db=rng.uniform(-90, -65),
    )


def _mixed(style: Style, crossover: float, rng: np.random.Generator) -> Style:
    """Replace each ingredient of a style by that of another style with the probability ``crossover``."""
    others = [other for other in STYLES.values() if other is not style]
    ingredients = ("drums", "bass", "comp", "lead", "tempo_bpm", "drive", "room", "spectrum_db")
    drawn = {name: (others[rng.integers(len(others))], rng.uniform()) for name in ingredients}
    borrowed = {name: getattr(other, name) for name, (other, chance) in drawn.items() if chance < crossover}
    return replace(style, **borrowed)


def play(
    style: str,
    *,
    seed: int = 0,
    band: int = 0,
    song: int = 0,
    duration_s: float = 30.0,
    crossover: float = 0.0,
) -> npt.NDArray[np.float32]:
    """Play a song.

    Parameters
    ----------
    style : str
        A name in `STYLES`.
    seed, band, song : int >= 0
        Number of the song and of the band; every number gives another song.
    duration_s : float > 0
        Length in seconds; the song is cut there.
    crossover : float in [0, 1]
        The probability of each ingredient of the band to come from another style.

    Returns
    -------
    np.ndarray [shape=(round(duration_s * 22050),), dtype=float32]
        Mono at 22,050 Hz, within [-1, 1].
    """
    artist = make_band(style, seed=seed, band=band, crossover=crossover)
    rng = np.random.default_rng([seed, list(STYLES).index(style), band, song, 1])
    score = _Score(artist, rng, round(duration_s * SR))
    bar = 0
    while bar * score.bar_s < duration_s:
        score.section(bar)
        bar += SECTION_BARS
    return _record(score.mix, artist, rng)


@dataclass
class _Score:
    """A song in progress: its choices, and the mix so far."""

    band: Band
    rng: np.random.Generator
    n: int
    mix: Samples = field(init=False)
    bar_s: float = field(init=False)
    sounds: dict[tuple[str, int, int], Render] = field(default_factory=dict)

    def __post_init__(self) -> None:
        style = self.band.style
        self.mix = np.zeros(self.n)
        self.bar_s = 240 / self.rng.uniform(*style.tempo_bpm)
        self.swing = self.rng.uniform(*style.swing)
        self.scale = SCALES[str(self.rng.choice(style.scales))]
        self.key = int(self.rng.integers(12))
        self.progression = style.progressions[self.rng.integers(len(style.progressions))]
        self.tune = [int(step) for step in self.rng.choice([-2, -1, -1, 0, 1, 1, 2], 32)]

    def section(self, first_bar: int) -> None:
        """Write four bars: one pattern per part, with or without the lead."""
        style = self.band.style
        drums: Pattern = style.drums[self.rng.integers(len(style.drums))]
        patterns = {name: str(self.rng.choice(getattr(style, name).patterns)) for name in PARTS}
        silent = {"lead"} if self.rng.uniform() < 0.25 else set()
        for bar in range(first_bar, first_bar + SECTION_BARS):
            for name, pattern in drums.items():
                for step, loud in self._steps(pattern):
                    self._add(self._hit(name), bar, step, self.band.level_db["drums"], loud)
            for name in PARTS:
                if name not in silent:
                    self._play_bar(name, getattr(style, name), patterns[name], bar)

    def _play_bar(self, name: str, part: Part, pattern: str, bar: int) -> None:
        root = self.progression[bar % len(self.progression)]
        chord = [root + 2 * k for k in range(self.band.style.tones)]
        place = 0
        for count, (step, loud) in enumerate(self._steps(pattern)):
            if part.manner == "chord":
                degrees = chord
            elif part.manner == "arpeggio":
                degrees = [[*chord, root + 7, *chord[:0:-1]][count % (2 * len(chord))]]
            elif part.manner == "walk" and count:
                degrees = [root + int(self.rng.choice([0, 0, 2, 4, 6]))]
            elif part.manner == "melody":
                place = int(np.clip(place + self.tune[(STEPS * (bar % 2) + step) % len(self.tune)], -3, 7))
                degrees = [root + place]
            else:
                degrees = [root]
            duration_s = part.length * self.bar_s / STEPS
            for degree in degrees:
                sound = self._note(name, part, degree, duration_s)
                self._add(sound, bar, step, self.band.level_db[name] - 3 * (len(degrees) > 1), loud)

    def _steps(self, pattern: str) -> list[tuple[int, float]]:
        """Return the steps that are played this time, with their loudness."""
        chances = np.array([int(digit) for digit in pattern]) / 9
        played = self.rng.uniform(size=len(chances)) < chances
        return [(int(step), 0.4 + 0.6 * float(chances[step])) for step in np.flatnonzero(played)]

    def _note(self, name: str, part: Part, degree: int, duration_s: float) -> Render:
        octave, within = divmod(degree, 7)
        midi = 12 * (part.octave + 1 + octave) + self.key + self.scale[within]
        # Keys from G upwards are played below C, so that no key is an octave brighter than another.
        midi -= 12 * (self.key > 6)
        known = (name, midi, 0)
        if known not in self.sounds:
            instrument = NOTES[self.band.instruments[name]]
            f_hz = 440 * 2 ** ((midi - 69) / 12)
            self.sounds[known] = cache(instrument(f_hz, duration_s, self.band.bright[name], self.rng))
        return self.sounds[known]

    def _hit(self, name: str) -> Render:
        # Two takes of every drum: real hits differ.
        known = (name, int(self.rng.integers(2)), 1)
        if known not in self.sounds:
            y = HITS[name](self.band.bright["drums"], self.rng)
            self.sounds[known] = lambda: y
        return self.sounds[known]

    def _add(self, sound: Render, bar: int, step: int, level_db: float, loud: float) -> None:
        step_s = self.bar_s / STEPS
        late_s = self.swing * 2 * step_s if step % 4 >= 2 else 0.0
        at_s = bar * self.bar_s + step * step_s + late_s + abs(self.rng.normal(0, 0.004))
        start = round(at_s * SR)
        if start >= self.n:
            return
        part = sound()[: self.n - start]
        self.mix[start : start + len(part)] += part * (10 ** (level_db / 20) * loud)


def _record(mix: Samples, band: Band, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Add saturation, reverberation, the spectrum of the band and hiss, and set the level."""
    mix = mix / (np.abs(mix).max() + 1e-9)
    drive = rng.uniform(*band.style.drive)
    if drive > 0.02:
        mix = np.tanh(mix * (1 + 5 * drive)) / np.tanh(1 + 5 * drive)
    room = rng.uniform(*band.style.room)
    tail_s = 0.15 + 0.9 * room
    n = round(tail_s * SR)
    echo = rng.standard_normal(n) * np.exp(-5 * np.arange(n) / n)
    size = padded(len(mix) + n)
    wet = np.fft.irfft(np.fft.rfft(mix, size) * np.fft.rfft(echo, size), size)[: len(mix)]
    mix = mix + 0.6 * room * wet * np.sqrt((mix**2).mean() / ((wet**2).mean() + 1e-12))
    mix = _mastered(mix, np.array(band.style.spectrum_db) + band.colour_db)
    mix = mix / (np.abs(mix).max() + 1e-9)
    mix = mix + 10 ** (band.hiss_db / 20) * rng.standard_normal(len(mix))
    peak = 10 ** (rng.uniform(-9, -1) / 20)
    return np.asarray(np.clip(peak * mix / (np.abs(mix).max() + 1e-9), -1, 1), np.float32)


def _mastered(y: Samples, spectrum_db: Samples) -> Samples:
    """Equalise a song so that its mean power density at the octaves approaches a target, by 15 dB at most."""
    n = padded(len(y))
    spectrum = np.fft.rfft(y, n)
    f_hz = np.arange(len(spectrum)) * SR / n
    power = np.abs(spectrum) ** 2
    edges = np.searchsorted(f_hz, np.array([[f / 2**0.5, f * 2**0.5] for f in OCTAVES_HZ]))
    actual_db = np.array([10 * np.log10(power[low:high].mean() + 1e-20) for low, high in edges])
    gain_db = spectrum_db - actual_db
    gain_db = np.clip(gain_db - gain_db.mean(), -15, 15)
    # Songs at this rate, GTZAN's too, are band-limited: little below 40 Hz, next to nothing above 10 kHz.
    limits = np.minimum(f_hz / 40, 1) ** 2 / (1 + (f_hz / 9900) ** 30)
    gains = limits * 10 ** (np.interp(np.log2(f_hz + 1), np.log2(OCTAVES_HZ), gain_db) / 20)
    return np.asarray(np.fft.irfft(spectrum * gains, n)[: len(y)], np.float64)
