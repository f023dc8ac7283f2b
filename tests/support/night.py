"""Cases of one kind: a few by day, all of them at night."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def day_and_night(cases: Iterable[Any], day: int) -> list[Any]:
    """Return cases for ``pytest.mark.parametrize``, of which only the first few run by day; a tuple is several arguments."""
    return [
        case
        if n < day
        else pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.night)
        for n, case in enumerate(cases)
    ]
