"""What tests of stores share."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch):
    """Do not wait for the disk: tests write thousands of objects, and no power fails."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)
