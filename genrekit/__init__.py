"""Genre classification for everything that carries a genre."""

import os

import lazy_loader

# ONNX Runtime reads it when it is first imported: without it, it keeps a device id below the home folder and sends
# events to a host of its maker; MLflow sends its own. Worker processes inherit both, and Dask's workers import this module
# before anything.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

__version__ = "0.2.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
