from .fitting import PathColumn, common_folder, middle_cut
from .formats import open_writer
from .json_text import dumps
from .terminal import PipeConsole
from .writers import in_words, rounded

__all__ = [
    "PathColumn",
    "PipeConsole",
    "common_folder",
    "dumps",
    "in_words",
    "middle_cut",
    "open_writer",
    "rounded",
]
