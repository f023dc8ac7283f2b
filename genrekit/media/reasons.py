"""Error messages of decoders, as part of a sentence."""

from __future__ import annotations

_SF_NOT_REGULAR = 7  # libsndfile's code, also returned for an mp3 without frames


def reason(error: Exception) -> str:
    """Return the message of a decoder or the system in parentheses, if it is helpful."""
    if getattr(error, "code", None) == _SF_NOT_REGULAR:
        return ""
    words = str(getattr(error, "error_string", None) or getattr(error, "strerror", None) or error)
    words = words.removeprefix("Error : ").strip().rstrip(".")
    return f" ({words})" if words else ""
