from .combining import Combined, combine
from .search import Tuned, tune
from .space import Parameter, default_space, make_space

__all__ = [
    "Combined",
    "Parameter",
    "Tuned",
    "combine",
    "default_space",
    "make_space",
    "tune",
]
