"""The errors that genrekit raises on purpose.

Each carries a message (what was wrong, what was given, what is allowed) and a hint (what to do or type
instead). The command line prints both and never a traceback; the class decides the exit status.
"""

from __future__ import annotations

from genrekit.text import visible


class GenrekitError(Exception):
    """An error that genrekit can explain to the user. Its text is printable, even where it quotes a file.

    Parameters
    ----------
    message : str
        One sentence: what was wrong, what was given, what is allowed.
    hint : str, optional
        Advice, with the exact command if there is one.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        message, hint = visible(message), visible(hint)
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class UsageError(GenrekitError):
    """The command or call itself is wrong: exit status 2."""


class ConfigError(UsageError):
    """A configuration has an unknown key, a wrong type or a value out of range."""


class BackendError(UsageError):
    """A backend is unknown, cannot be loaded, or breaks the protocol."""


class MediaError(GenrekitError):
    """One input cannot be read or decoded; a batch records the error and continues."""


class DatasetError(GenrekitError):
    """A data source cannot be used as asked."""


class TrainingError(GenrekitError):
    """Training cannot continue: NaN loss, out of memory, or disk full."""


class BundleError(GenrekitError):
    """A model file is damaged, hostile, or from another format."""


class UnknownSourceError(DatasetError, UsageError):
    """A data set or file that a command or call names is not there, or its options are wrong."""


class UnknownModelError(BundleError, UsageError):
    """A model that a command or call names is not there."""


class OutputExistsError(UsageError):
    """An output already exists, and overwriting was not requested."""
