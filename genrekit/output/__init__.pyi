from .fitting import DistinctNames, middle_cut
from .formats import open_writer
from .terminal import PipeConsole
from .writers import rounded

__all__ = ["DistinctNames", "PipeConsole", "middle_cut", "open_writer", "rounded"]
