from .formats import open_writer
from .terminal import PipeConsole
from .writers import encodable, rounded, visible

__all__ = ["PipeConsole", "encodable", "open_writer", "rounded", "visible"]
