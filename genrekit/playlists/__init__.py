"""Playlists for a genre: links by default, or a file of one's own, or an open service that is asked."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
