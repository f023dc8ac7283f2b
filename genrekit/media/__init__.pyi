from . import audio, images
from .audio import MAX_DURATION_S, Sound, check_part, is_silent, load, read, spans
from .audio_decoders import AnyPath, Decoder, Samples, open_decoder
from .clean_image import clean_image
from .clean_sound import clean_sound
from .content_keys import VERSION, content_key
from .folders import PassedOver, is_system_folder, leads_up, walk
from .kinds import AUDIO_SUFFIXES, IMAGE_SUFFIXES, TABLE_SUFFIXES, found_modality, modality, suffix_modality
from .song_tags import SongTags, read_song_tags
from .stream_key import STREAM_KEY_VERSION, stream_key

__all__ = [
    "AUDIO_SUFFIXES",
    "IMAGE_SUFFIXES",
    "MAX_DURATION_S",
    "STREAM_KEY_VERSION",
    "TABLE_SUFFIXES",
    "VERSION",
    "AnyPath",
    "Decoder",
    "PassedOver",
    "Samples",
    "SongTags",
    "Sound",
    "audio",
    "check_part",
    "clean_image",
    "clean_sound",
    "content_key",
    "found_modality",
    "images",
    "is_silent",
    "is_system_folder",
    "leads_up",
    "load",
    "modality",
    "open_decoder",
    "read",
    "read_song_tags",
    "spans",
    "stream_key",
    "suffix_modality",
    "walk",
]
