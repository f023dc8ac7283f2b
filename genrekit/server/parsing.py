"""Settings from the words of the command line."""

from __future__ import annotations

import re

from genrekit.errors import UsageError
from genrekit.server.settings import Rate, Variant

_UNITS = {"": 1, "b": 1, "k": 1000, "kb": 1000, "m": 10**6, "mb": 10**6, "g": 10**9, "gb": 10**9}
_UNITS |= {"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}
_SECONDS = {"second": 1, "s": 1, "minute": 60, "min": 60, "m": 60, "hour": 3600, "h": 3600}


def parse_size(text: str) -> int:
    """Read a number of bytes.

    Raises
    ------
    UsageError

    Examples
    --------
    >>> parse_size("64MB"), parse_size("1.5 GiB")
    (64000000, 1610612736)
    """
    found = re.fullmatch(r"\s*(\d{1,12}(?:\.\d{1,6})?)\s*([a-z]{0,3})\s*", text.lower())
    if not found or found[2] not in _UNITS or (size := int(float(found[1]) * _UNITS[found[2]])) < 1:
        raise UsageError(f"{text!r} is not a size.", "Write a number of bytes or a unit: 500KB, 64MB, 1GiB.")
    return size


def parse_rate(text: str) -> Rate:
    """Read a rate.

    Raises
    ------
    UsageError

    Examples
    --------
    >>> parse_rate("120/minute")
    Rate(n=120, per_s=60.0)
    """
    found = re.fullmatch(r"\s*(\d{1,9})\s*/\s*(\w+?)\s*", text.lower())
    if not found or found[2] not in _SECONDS or int(found[1]) < 1:
        raise UsageError(f"{text!r} is not a rate.", "Write requests per second, minute or hour: 120/minute")
    return Rate(n=int(found[1]), per_s=_SECONDS[found[2]])


def parse_ab(text: str) -> tuple[Variant, ...]:
    """Read the variants of an A/B test.

    Raises
    ------
    UsageError

    Examples
    --------
    >>> parse_ab("spectrogram=90,new.genrekit=10")
    (Variant(model='spectrogram', weight=90.0), Variant(model='new.genrekit', weight=10.0))
    """
    variants = []
    for word in text.split(","):
        model, _, share = word.strip().rpartition("=")
        if not model or not re.fullmatch(r"\d{1,6}(\.\d{1,6})?", share) or not float(share):
            raise UsageError(f"{word.strip()!r} is not a model with its share.", "Use --ab A=90,B=10")
        variants.append(Variant(model=model, weight=float(share)))
    if len(variants) < 2:
        raise UsageError("An A/B test compares at least two models.", "Use --ab A=90,B=10")
    return tuple(variants)
