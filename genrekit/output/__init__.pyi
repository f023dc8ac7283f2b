from .formats import open_writer
from .terminal import PipeConsole
from .writers import rounded

__all__ = ["PipeConsole", "open_writer", "rounded"]
