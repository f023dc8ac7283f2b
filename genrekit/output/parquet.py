"""Predictions as a Parquet file."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from genrekit.output.writers import PROVENANCE, Writer, in_words, provenance_of, rounded
from genrekit.text import escaped_name
from genrekit.types import Prediction

ROW_GROUP = 50_000


class ParquetWriter(Writer):
    """Columns as in CSV, with types: scores are floats; the labels of multi-label models and the timeline are lists.

    Rows are buffered until a row group is full. Text that is not valid Unicode gets backslash escapes.
    """

    def __init__(self, stream: Any, **options: Any) -> None:
        super().__init__(stream, **options)
        fields = [(name, pa.string()) for name in ("input", "label")]
        fields += [("score", pa.float64()), ("model", pa.string())]
        fields += [("error", pa.string()), ("note", pa.string()), ("familiar", pa.bool_())]
        for k in range(1, self.top_k + 1):
            fields += [(f"label_{k}", pa.string()), (f"score_{k}", pa.float64())]
        fields += [("labels", pa.list_(pa.string()))] if self.multilabel else []
        fields += [("reasons", pa.string())] if self.reasons else []
        if self.windows:
            window = [("start_s", pa.float64()), ("end_s", pa.float64()), ("label", pa.string())]
            fields += [("windows", pa.list_(pa.struct([*window, ("score", pa.float64())])))]
        fields += [(n, pa.string() if n in ("key", "camelot") else pa.float64()) for n in self.analysis]
        if self.provenance:
            fields += zip(PROVENANCE, (pa.int64(), pa.string(), pa.string(), pa.string()), strict=True)
        taken = {name for name, _ in fields}
        for name in self.extra:
            while name in taken:
                name = f"extra_{name}"
            taken.add(name)
            fields.append((name, pa.string()))
        self._schema = pa.schema(fields)
        self._rows: list[list[Any]] = []
        self._file = pq.ParquetWriter(stream, self._schema)

    def write(self, prediction: Prediction) -> None:
        ranked: list[Any] = []
        for name, score in prediction.scores[: self.top_k]:
            ranked += [name, rounded(score)]
        row: list[Any] = [escaped_name(prediction.id), prediction.label, rounded(prediction.score)]
        row += [prediction.model or None, prediction.error, prediction.note, prediction.familiar]
        row += ranked + [None] * (2 * self.top_k - len(ranked))
        row += [list(prediction.labels)] if self.multilabel else []
        row += [in_words(prediction.reasons)] if self.reasons else []
        if self.windows:
            row.append([(w.start_s, w.end_s, w.label, rounded(w.score)) for w in prediction.windows])
        row += [prediction.analysis.get(name) for name in self.analysis]
        row += provenance_of(prediction) if self.provenance else ()
        row += [prediction.extra.get(name) for name in self.extra]
        self._rows.append([_unicode(cell) if isinstance(cell, str) else cell for cell in row])
        if len(self._rows) >= ROW_GROUP:
            self._write_group()

    def close(self) -> None:
        self._write_group()
        self._file.close()

    def _write_group(self) -> None:
        columns = list(zip(*self._rows, strict=True)) or [()] * len(self._schema)
        arrays = [pa.array(cells, field.type) for cells, field in zip(columns, self._schema, strict=True)]
        self._file.write_table(pa.table(arrays, schema=self._schema))
        self._rows = []


def _unicode(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")
