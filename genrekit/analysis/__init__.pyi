from .analyse import analyse_song
from .columns import COLUMNS, MEASURES, columns_of, measures_of

__all__ = ["COLUMNS", "MEASURES", "analyse_song", "columns_of", "measures_of"]
