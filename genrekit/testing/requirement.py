"""A requirement of a conformance suite."""


def require(condition: bool, promise: str) -> None:
    """Raise AssertionError with the requirement unless it is met."""
    if not condition:
        raise AssertionError(promise)
