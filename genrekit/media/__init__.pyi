from . import audio, images
from .audio import MAX_DURATION_S, is_silent, load, spans
from .audio_decoders import AnyPath, Decoder, Samples, open_decoder, reason
from .kinds import AUDIO_SUFFIXES, IMAGE_SUFFIXES, TABLE_SUFFIXES, modality, suffix_modality, walk

__all__ = [
    "AUDIO_SUFFIXES",
    "IMAGE_SUFFIXES",
    "MAX_DURATION_S",
    "TABLE_SUFFIXES",
    "AnyPath",
    "Decoder",
    "Samples",
    "audio",
    "images",
    "is_silent",
    "load",
    "modality",
    "open_decoder",
    "reason",
    "spans",
    "suffix_modality",
    "walk",
]
