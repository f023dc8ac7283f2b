"""Facts about the Free Music Archive data set: subsets, folders, and clips that were cut wrong.

M. Defferrard, K. Benzi, P. Vandergheynst, X. Bresson, *FMA: a dataset for music analysis*, ISMIR 2017,
https://github.com/mdeff/fma.
"""

from __future__ import annotations

# Each contains the one before: ``set.subset`` names the smallest that a track is in. "full" is every track at its full
# length, the others are clips of 30 s.
SIZES = ("small", "medium", "large", "full")

LABELS = ("genre_top", "genres", "genres_all")

# Clips that have less than 30 s of sound, because they were cut by a wrong length, with their seconds of sound.
# The list is that of the small and medium subset at https://github.com/mdeff/fma/wiki ("Excerpts shorter than
# 30s and erroneous audio length metadata") and https://github.com/mdeff/fma/issues/8. The songs of fma_full were not
# cut, and are complete. For the rest of fma_large no list is published.
SHORT_CLIPS: dict[int, float] = {
    1486: 0, 5574: 0, 65753: 0, 80391: 0, 98558: 0, 98559: 0, 98560: 0, 98565: 1.6, 98566: 6.2, 98567: 0.5,
    98568: 6.6, 98569: 1.5, 98571: 0, 99134: 0, 105247: 0, 108924: 27.4, 108925: 0, 126981: 0, 127336: 0,
    133297: 0, 143992: 0,
}  # fmt: skip
