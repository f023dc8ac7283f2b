"""Data sets from their publishers: planned, fetched with resumption, unpacked safely, verified."""

from __future__ import annotations

from genrekit.datasets.fetch.fetching import Options, get
from genrekit.datasets.fetch.plan import Item, Plan, make_plan
from genrekit.datasets.fetch.record import Verified, entries, verify

__all__ = ["Item", "Options", "Plan", "Verified", "entries", "get", "make_plan", "verify"]
