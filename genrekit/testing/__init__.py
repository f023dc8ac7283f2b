"""Public conformance suites of backends and loaders."""

from genrekit.testing.backend import check_backend, check_loader

__all__ = ["check_backend", "check_loader"]
