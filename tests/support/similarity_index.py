"""An index of given vectors."""

from genrekit.similarity import Index
from genrekit.similarity.facts import Facts
from genrekit.similarity.rows import Row
from genrekit.similarity.writer import Writer


def write(folder, vectors, kind="embeddings", rows=None):
    """Write an index of given vectors."""
    facts = Facts(model="m", model_sha256="0" * 64, modality="audio", vectors=kind, size=vectors.shape[1])
    with Writer(folder, facts) as writer:
        for i, vector in enumerate(vectors):
            row = rows[i] if rows else {}
            writer.add(Row(**{"name": f"/music/{i}", "vector": i, **row}), vector)
        writer.finish()
    return Index(folder)
