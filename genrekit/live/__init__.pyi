from .blocks import Block, Blocks
from .follower import Event, Follower
from .listening import ALL_LABELS, events_of, listen, write_block
from .pcm import ENCODINGS, MAX_CHANNELS, Pcm
from .sources import Source, open_source

__all__ = [
    "ALL_LABELS",
    "ENCODINGS",
    "MAX_CHANNELS",
    "Block",
    "Blocks",
    "Event",
    "Follower",
    "Pcm",
    "Source",
    "events_of",
    "listen",
    "open_source",
    "write_block",
]
