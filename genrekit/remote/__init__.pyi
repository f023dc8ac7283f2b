from .addresses import is_remote, redact
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
    words,
)
from .transfer import exists, expand_remote, fetched, file_of, open_output

__all__ = [
    "CONNECT_S",
    "PASSING",
    "READ_S",
    "TRANSIENT",
    "Service",
    "Tries",
    "check_scheme",
    "exists",
    "expand_remote",
    "fetched",
    "file_of",
    "is_remote",
    "new_session",
    "open_output",
    "redact",
    "status_words",
    "words",
]
