from .addresses import in_words, is_remote, redact
from .http import (
    CONNECT_S,
    PASSING,
    READ_S,
    TRANSIENT,
    Service,
    Tries,
    check_scheme,
    new_session,
    status_words,
)
from .objects import Objects, open_objects
from .transfer import exists, expand_remote, fetched, file_of, open_output

__all__ = [
    "CONNECT_S",
    "PASSING",
    "READ_S",
    "TRANSIENT",
    "Objects",
    "Service",
    "Tries",
    "check_scheme",
    "exists",
    "expand_remote",
    "fetched",
    "file_of",
    "in_words",
    "is_remote",
    "new_session",
    "open_objects",
    "open_output",
    "redact",
    "status_words",
]
