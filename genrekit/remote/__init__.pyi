from .addresses import in_words, is_remote, redact
from .http import (
    CONNECT_S,
    PASSING,
    QUICK,
    READ_S,
    TRANSIENT,
    Patience,
    Refused,
    Service,
    Tries,
    check_scheme,
    new_session,
    status_words,
)
from .objects import Objects, open_objects
from .transfer import exists, expand_remote, fetched, file_of, open_output, sizes_in

__all__ = [
    "CONNECT_S",
    "PASSING",
    "QUICK",
    "READ_S",
    "TRANSIENT",
    "Objects",
    "Patience",
    "Refused",
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
    "sizes_in",
    "status_words",
]
