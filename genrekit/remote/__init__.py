"""Remote files at addresses: s3://, gs://, https://, zip://, tar://."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
