"""The HTTP server: songs, pictures, tables and numbers to the rows of the command line."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
