from .addresses import is_remote, redact
from .transfer import exists, expand_remote, fetched, file_of, open_output

__all__ = ["exists", "expand_remote", "fetched", "file_of", "is_remote", "open_output", "redact"]
