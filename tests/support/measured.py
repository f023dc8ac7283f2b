"""Measuring coverage in programs that tests start."""

from __future__ import annotations

import os

MEASURED = {name: value for name, value in os.environ.items() if name == "COVERAGE_PROCESS_CONFIG"}
"""What starts coverage in a program, where it is measured."""
