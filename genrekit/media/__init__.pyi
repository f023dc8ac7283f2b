from . import audio, images
from .audio import MAX_DURATION_S, Sound, is_silent, load, read, spans
from .audio_decoders import AnyPath, Decoder, Samples, open_decoder
from .content_keys import VERSION, content_key
from .kinds import AUDIO_SUFFIXES, IMAGE_SUFFIXES, TABLE_SUFFIXES, modality, suffix_modality, walk

__all__ = [
    "AUDIO_SUFFIXES",
    "IMAGE_SUFFIXES",
    "MAX_DURATION_S",
    "TABLE_SUFFIXES",
    "VERSION",
    "AnyPath",
    "Decoder",
    "Samples",
    "Sound",
    "audio",
    "content_key",
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
