"""Timeline of genres as a label track for Audacity.

One line per region: start, end and label separated by tabs, times in seconds with 6 decimals
(https://manual.audacityteam.org/man/importing_and_exporting_labels.html).
"""

from __future__ import annotations

from itertools import groupby
from typing import Any, TextIO

from genrekit.errors import MediaError, UsageError
from genrekit.output.writers import Writer
from genrekit.text import encodable, visible
from genrekit.types import Prediction


class AudacityWriter(Writer):
    """The timeline of one song; neighbouring windows of one label are one region.

    A label track belongs to one file, so there is one prediction. `close` writes its lines: after a second
    prediction, or one without a timeline, the stream stays empty.
    """

    def __init__(self, stream: TextIO, **options: Any) -> None:
        super().__init__(stream, **options)
        self._is_taken = False
        self._lines = ""

    def write(self, prediction: Prediction) -> None:
        """Keep the labels of the one prediction.

        Raises
        ------
        UsageError
            If it is the second one, or has no timeline: a picture, a row of numbers, a prediction without windows.
        MediaError
            If the input could not be predicted.
        """
        if self._is_taken:
            self._lines = ""
            raise UsageError(
                f"Audacity's labels are for one file; {prediction.id!r} is another.",
                "Pass one file at a time, or --format jsonl --windows for many.",
            )
        self._is_taken = True
        if prediction.error is not None:
            raise MediaError(f"{prediction.id}: {prediction.error}")
        if not prediction.windows:
            raise UsageError(
                f"{prediction.id!r} has no timeline, so there are no labels for Audacity.",
                "Pass a song; in Python, request windows: PredictOptions(windows=True).",
            )
        runs = [list(run) for _, run in groupby(prediction.windows, key=lambda window: window.label)]
        self._lines = "".join(
            f"{run[0].start_s:.6f}\t{run[-1].end_s:.6f}\t{visible(run[0].label)}\n" for run in runs
        )

    def close(self) -> None:
        """Write the labels; the stream stays open."""
        self.stream.write(encodable(self._lines, self.stream))
        self._lines = ""
        super().close()
