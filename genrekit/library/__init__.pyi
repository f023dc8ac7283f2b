from .genre_names import read_genre_names
from .place import way_to
from .sort import UNSURE, Kind, SortRow, others_in, sort_songs
from .tags.changes import Change, Existing, Policy, Status, TagRow
from .tags.fields import LABELLED, MEASURED, Field
from .tags.journal import Journal, read_journal
from .tags.tagging import moved, tag, undo

__all__ = [
    "LABELLED",
    "MEASURED",
    "UNSURE",
    "Change",
    "Existing",
    "Field",
    "Journal",
    "Kind",
    "Policy",
    "SortRow",
    "Status",
    "TagRow",
    "moved",
    "others_in",
    "read_genre_names",
    "read_journal",
    "sort_songs",
    "tag",
    "undo",
    "way_to",
]
