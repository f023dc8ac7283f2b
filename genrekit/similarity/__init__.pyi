from .embedding import Embedded, VectorKind, about, embed_table, from_outputs, mean_vector, outputs_of
from .evaluation import Similarity, evaluate_similarity
from .indexing import index
from .pairs import Pair, duplicates
from .query import Query, as_query, neighbours, similar, stored
from .results import Filters, Neighbour
from .rows import Row
from .searching import Index, search
from .update import Indexed

__all__ = [
    "Embedded",
    "Filters",
    "Index",
    "Indexed",
    "Neighbour",
    "Pair",
    "Query",
    "Row",
    "Similarity",
    "VectorKind",
    "about",
    "as_query",
    "duplicates",
    "embed_table",
    "evaluate_similarity",
    "from_outputs",
    "index",
    "mean_vector",
    "neighbours",
    "outputs_of",
    "search",
    "similar",
    "stored",
]
