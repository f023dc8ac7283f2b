"""The content keys of what a model learnt: a member of its bundle that says which examples it knows."""

from __future__ import annotations

KEYS = "keys.safetensors"
