"""Playlists and exports of music services into a training table."""

from __future__ import annotations

from genrekit.datasets.ingest.ingesting import Ingested, IngestOptions, ingest
from genrekit.datasets.ingest.rules import read_rules

__all__ = ["IngestOptions", "Ingested", "ingest", "read_rules"]
