"""Live sound: samples in pieces of any size are cut into windows; their genres, and the changes between them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
