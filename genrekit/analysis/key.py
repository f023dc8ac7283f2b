"""Key: the best match of a song's pitch classes among the 24 major and minor keys (Krumhansl and Schmuckler).

The profiles are the frequencies of the pitch classes in 490 pieces of known key, not Krumhansl and Kessler's
listener ratings, which find over a quarter fewer keys on chords over drums (docs/analysis.md).

References
----------
Krumhansl, "Cognitive Foundations of Musical Pitch", Oxford University Press 1990, chapter 4: the algorithm.
Albrecht and Shanahan, "The use of large corpora to train a new type of key-finding algorithm", Music Perception
31(1), 2013, https://doi.org/10.1525/mp.2013.31.1.59: the profiles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from genrekit.errors import UsageError
from genrekit.features import chroma

Mode = Literal["major", "minor"]
MODES: tuple[Mode, Mode] = ("major", "minor")
_PROFILES = np.array(
    [
        [0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081],
        [0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052],
    ]
)
# each tonic in the spelling with the fewest accidentals
_TONICS = (
    ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"),
    ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B"),
)


@dataclass(frozen=True, slots=True)
class Key:
    """A musical key.

    Attributes
    ----------
    tonic : str
        'C' to 'B' with 'b' or '#', in the spelling with the fewest accidentals: Db major, but
        C# minor; of the two with six each, F# major and Eb minor.
    mode : {'major', 'minor'}
    confidence : float
        0 to 1: difference between the correlations of the best and the second best key, divided by the difference
        that the profile itself has. 1 is a song whose pitch classes are distributed like the profile, 0 a tie.
        Orders songs by the clarity of their key; not a probability.
    camelot : str
        Code on the Camelot wheel, '1A' to '12A' (minor) and '1B' to '12B' (major). Neighbours differ by a fifth;
        A and B of a number share their notes.
    """

    tonic: str
    mode: Mode
    confidence: float
    camelot: str


def estimate_key(chroma_mean: npt.ArrayLike) -> Key | None:
    """Find the key whose profile correlates best with the strengths of the pitch classes.

    Parameters
    ----------
    chroma_mean : array_like [shape=(12,)]
        Mean strength of each pitch class, C first, on any scale: ``chroma(power, sr).mean(axis=0)``.

    Returns
    -------
    Key or None
        None if all twelve are equally strong, as in silence.

    Raises
    ------
    UsageError
        If there are not twelve finite numbers.
    """
    strength = np.asarray(chroma_mean, np.float64)
    if strength.shape != (chroma.N_CHROMA,) or not np.isfinite(strength).all():
        raise UsageError(
            f"The mean chroma has shape {strength.shape}; twelve finite numbers, C first, are needed."
        )
    if np.ptp(strength) <= 1e-9 * np.abs(strength).max():
        return None
    correlations = _PATTERNS @ _standardised(strength)
    best = int(np.argmax(correlations))
    margin = float(correlations[best] - np.partition(correlations, -2)[-2])
    is_minor, tonic = divmod(best, chroma.N_CHROMA)
    return Key(
        tonic=_TONICS[is_minor][tonic],
        mode=MODES[is_minor],
        confidence=min(1.0, max(0.0, margin / _CLEAREST_MARGIN)),
        camelot=_camelot(tonic, bool(is_minor)),
    )


def _standardised(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Subtract the mean and scale to length 1 along the last axis, so that products are correlations."""
    centred = values - values.mean(axis=-1, keepdims=True)
    scaled: npt.NDArray[np.float64] = centred / np.linalg.norm(centred, axis=-1, keepdims=True)
    return scaled


def _camelot(tonic: int, is_minor: bool) -> str:
    """Return the position on the circle of fifths, C major and A minor at 8."""
    major = tonic + 3 if is_minor else tonic
    return f"{(7 * major + 7) % 12 + 1}{'A' if is_minor else 'B'}"


_PATTERNS = _standardised(
    np.array([np.roll(profile, i) for profile in _PROFILES for i in range(chroma.N_CHROMA)])
)
# the nearest rival of either mode is equally far: the relative minor of a major key, and vice versa
_CLEAREST_MARGIN = float(1 - np.partition(_PATTERNS @ _PATTERNS[0], -2)[-2])
