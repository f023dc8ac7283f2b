"""The public conformance suites for backends, data set readers and registered data sets."""

from __future__ import annotations

from genrekit.testing.backend import check_backend, check_loader
from genrekit.testing.source import check_source

__all__ = ["check_backend", "check_loader", "check_source"]
