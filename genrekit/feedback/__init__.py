"""Uploads that are kept with consent, corrections of predictions, and retraining that has to prove itself."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
