from .combining import Combined, combine

__all__ = [
    "Combined",
    "combine",
]
