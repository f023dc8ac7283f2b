from .formats import open_writer
from .json_text import dumps
from .terminal import PipeConsole
from .writers import rounded

__all__ = ["PipeConsole", "dumps", "open_writer", "rounded"]
