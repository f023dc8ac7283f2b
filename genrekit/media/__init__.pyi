from . import audio, images
from .audio import MAX_DURATION_S, Sound, is_silent, load, read, spans
from .audio_decoders import AnyPath, Decoder, Samples, open_decoder
from .kinds import AUDIO_SUFFIXES, IMAGE_SUFFIXES, TABLE_SUFFIXES, modality, suffix_modality, walk

__all__ = [
    "AUDIO_SUFFIXES",
    "IMAGE_SUFFIXES",
    "MAX_DURATION_S",
    "TABLE_SUFFIXES",
    "AnyPath",
    "Decoder",
    "Samples",
    "Sound",
    "audio",
    "images",
    "is_silent",
    "load",
    "modality",
    "open_decoder",
    "read",
    "spans",
    "suffix_modality",
    "walk",
]
