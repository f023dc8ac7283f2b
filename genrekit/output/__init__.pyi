from .terminal import PipeConsole
from .writers import encodable, open_writer, rounded, visible

__all__ = ["PipeConsole", "encodable", "open_writer", "rounded", "visible"]
