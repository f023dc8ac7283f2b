"""What decoders say of a file, as part of a sentence."""

from __future__ import annotations

_SF_NOT_REGULAR = 7  # libsndfile's code, given of an mp3 in which no frame is found, too


def reason(error: Exception) -> str:
    """Say in parentheses what a decoder or the system said, where that helps."""
    if getattr(error, "code", None) == _SF_NOT_REGULAR:
        return ""
    words = str(getattr(error, "error_string", None) or getattr(error, "strerror", None) or error)
    words = words.removeprefix("Error : ").strip().rstrip(".")
    return f" ({words})" if words else ""
