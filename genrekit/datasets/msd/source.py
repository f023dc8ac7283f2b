"""``msd``: the Million Song Dataset, which has no sound and is not fetched."""

from __future__ import annotations

from genrekit.datasets.source import DataSource

SOURCE = DataSource(
    name="msd",
    title="Million Song Dataset",
    good_for="nothing here: it holds features of The Echo Nest and no sound",
    licence="see its page",
    how=(
        "cannot be had as sound: it never held any, and where its 280 GB of features are hosted today is uncertain. "
        "Use fma:large or jamendo:genre"
    ),
    citation="""@inproceedings{bertin2011million,
  author    = {Bertin-Mahieux, Thierry and Ellis, Daniel P. W. and Whitman, Brian and Lamere, Paul},
  title     = {The Million Song Dataset},
  booktitle = {12th International Society for Music Information Retrieval Conference (ISMIR)},
  year      = {2011}
}""",
)
