"""Playlists for a genre: links by default, or entries of the user's own file, or results of an open service."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
