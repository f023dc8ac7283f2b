from .fitting import DistinctNames, middle_cut
from .formats import open_writer
from .json_text import dumps
from .terminal import PipeConsole
from .writers import in_words, rounded

__all__ = ["DistinctNames", "PipeConsole", "dumps", "in_words", "middle_cut", "open_writer", "rounded"]
