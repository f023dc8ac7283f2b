"""The outcome of one item of a map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from genrekit.errors import GenrekitError

Item = TypeVar("Item")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Item, Value]):
    """The outcome of one item.

    Attributes
    ----------
    item : Item
        The item itself.
    value : Value or None
        The result of the function; None if there is an error.
    error : str or None
        Reason why there is no value, for the user.
    """

    item: Item
    value: Value | None
    error: str | None


def attempt(fn: Callable[[Item], Value]) -> Callable[[Item], tuple[Value | None, str | None]]:
    """Wrap a function to return a value and an error, one of them None, and never raise."""
    return partial(_attempt, fn)


def _attempt(fn: Callable[[Item], Value], item: Item) -> tuple[Value | None, str | None]:
    try:
        return fn(item), None
    except GenrekitError as error:
        return None, str(error)
    except Exception as error:
        return None, f"{type(error).__name__}: {error}"
