"""Settings and weights that are found by measuring: combinations of models, and searches over settings."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
