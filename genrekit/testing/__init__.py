"""The public conformance suites for backends, data set readers, registered data sets and providers of playlists."""

from __future__ import annotations

from genrekit.testing.backend import check_backend, check_loader
from genrekit.testing.provider import check_provider
from genrekit.testing.source import check_source

__all__ = ["check_backend", "check_loader", "check_provider", "check_source"]
