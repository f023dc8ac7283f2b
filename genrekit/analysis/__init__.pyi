from .analyse import Analysis, analyse_song
from .columns import COLUMNS, MEASURES, columns_of, measures_of

__all__ = ["COLUMNS", "MEASURES", "Analysis", "analyse_song", "columns_of", "measures_of"]
