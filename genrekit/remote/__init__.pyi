from .addresses import is_remote, redact
from .transfer import exists, expand_remote, fetched, open_output

__all__ = ["exists", "expand_remote", "fetched", "is_remote", "open_output", "redact"]
