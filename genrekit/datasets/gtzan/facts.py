"""Facts about GTZAN: genres, repeated tracks, and the broken file.

G. Tzanetakis, P. Cook, *Musical genre classification of audio signals*, IEEE Trans. Speech and Audio
Processing 10(5), 2002. B. L. Sturm, *The GTZAN dataset: its contents, its faults, their effects on
evaluation, and its future use*, arXiv:1306.1461, 2013. C. Kereliuk, B. L. Sturm, J. Larsen, *Deep learning
and music adversaries*, IEEE Trans. Multimedia 17(11), 2015 (the fault-filtered split).
"""

from __future__ import annotations

GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")

# A file that has no RIFF header in Kaggle's copy, so that no decoder can read it.
BROKEN = "jazz.00054"

# Repeated excerpts after Sturm, 50 by his count: the number that is kept, then its repetitions. None of
# the repetitions is in the published split. Checked on the spectrograms of all tracks: 27 equal that of the
# kept track; the others correlate with it at 0.54 to 0.97 within a shift of a second, disco.00071 only at 0.36.
_REPEATED: dict[str, dict[int, tuple[int, ...]]] = {
    "disco": {70: (50, 51), 74: (71,), 89: (55, 60), 99: (98,)},
    "hiphop": {45: (39,), 78: (76,)},
    "jazz": {
        51: (33,), 53: (34,), 55: (35,), 58: (36,), 60: (37,), 62: (38,), 65: (39,),
        67: (40,), 68: (42,), 69: (43,), 70: (44,), 71: (45,), 72: (46,),
    },
    "metal": {13: (4,), 61: (40,), 62: (41,), 63: (42,), 64: (43,), 65: (44,), 66: (45,), 94: (34,)},
    "pop": {
        22: (15,), 31: (30,), 46: (45,), 57: (52,), 59: (56,), 60: (54,), 71: (67,), 80: (47,), 90: (87,),
    },
    "reggae": {
        54: (3,), 56: (5,), 57: (8,), 58: (13,), 60: (10,), 69: (41,), 74: (73,), 82: (80, 81), 92: (75, 91),
    },
}  # fmt: skip

REPEATS: dict[str, str] = {
    f"{genre}.{again:05d}": f"{genre}.{kept:05d}"
    for genre, tracks in _REPEATED.items()
    for kept, repeats in tracks.items()
    for again in repeats
} | {"metal.00058": "rock.00016"}
"""The track that each left-out repetition repeats."""
