from . import chroma, logmel, tempo
from .gtzan import GTZAN_SR, gtzan_features
from .logmel import from_levels, from_peak, log_mel, scaled_mel
from .schema import GTZAN_COLUMNS, SPOTIFY_COLUMNS
from .spectral import HOP_LENGTH, N_FFT, Doubles, Floats, mel_filters, power_to_db, stft
from .spotify import NO_FEATURE, SpotifyTable, model_input, understand
from .spotify_cells import Values, as_text
from .spotify_schema import MIN_COLUMNS, MODEL_COLUMNS, column_key, find_columns, is_not_audio, recognises
from .timbre import TIMBRE_SIZE, TIMBRE_VERSION, timbre

__all__ = [
    "GTZAN_COLUMNS",
    "GTZAN_SR",
    "HOP_LENGTH",
    "MIN_COLUMNS",
    "MODEL_COLUMNS",
    "NO_FEATURE",
    "N_FFT",
    "SPOTIFY_COLUMNS",
    "TIMBRE_SIZE",
    "TIMBRE_VERSION",
    "Doubles",
    "Floats",
    "SpotifyTable",
    "Values",
    "as_text",
    "chroma",
    "column_key",
    "find_columns",
    "from_levels",
    "from_peak",
    "gtzan_features",
    "is_not_audio",
    "log_mel",
    "logmel",
    "mel_filters",
    "model_input",
    "power_to_db",
    "recognises",
    "scaled_mel",
    "stft",
    "tempo",
    "timbre",
    "understand",
]
