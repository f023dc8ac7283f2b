"""Colours, names and files of the pictures of an explanation."""

from __future__ import annotations

import warnings
from io import BytesIO

from matplotlib.figure import Figure

from genrekit.text import visible

# Okabe & Ito, "Color Universal Design", 2008: eight colours that people with any colour vision tell apart.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")


def short(name: str, most: int = 28) -> str:
    """Return a name that is safe to draw, cut to a number of characters."""
    name = visible(name)
    return name if len(name) <= most else name[: most - 1] + "…"


def png(figure: Figure) -> bytes:
    """Return a figure as a PNG that is the same for the same figure."""
    stream = BytesIO()
    with warnings.catch_warnings():
        # Some scripts are missing from the font; the page has their names.
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font", UserWarning)
        figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()
