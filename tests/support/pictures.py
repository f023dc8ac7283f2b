"""Charts that are not drawn, which takes longer than most of what they show; `drawn` is for tests that look at one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib.figure
import pytest
from PIL import Image

_savefig = matplotlib.figure.Figure.savefig


def _blank(figure, file, *, dpi=None, **options):
    """Write a blank PNG of the size of a figure."""
    size = (figure.get_size_inches() * (dpi or figure.dpi)).round().astype(int)
    Image.new("L", tuple(size.tolist()), 255).save(file, format="PNG")


@contextmanager
def undrawn() -> Iterator[None]:
    """Leave charts blank."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matplotlib.figure.Figure, "savefig", _blank)
        yield


@contextmanager
def drawn() -> Iterator[None]:
    """Draw charts after all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matplotlib.figure.Figure, "savefig", _savefig)
        yield
