from .evaluation import Similarity, evaluate_similarity
from .indexing import Indexed, index
from .pairs import Pair, duplicates
from .query import similar
from .searching import Filters, Index, Neighbour, search

__all__ = [
    "Filters",
    "Index",
    "Indexed",
    "Neighbour",
    "Pair",
    "Similarity",
    "duplicates",
    "evaluate_similarity",
    "index",
    "search",
    "similar",
]
