"""Pictures of what a model saw: of a song, a photo, a table or a model."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
