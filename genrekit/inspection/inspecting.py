"""Choice of the picture of an input, and the page of several."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from genrekit.errors import DatasetError, GenrekitError, MediaError
from genrekit.evaluation import page
from genrekit.inspection.seen import model_for
from genrekit.media import modality
from genrekit.models import SUFFIX, shipped_models
from genrekit.prediction import Input, Model, find, load_models
from genrekit.text import sentence
from genrekit.types import Modality


@dataclass(frozen=True)
class InspectOptions:
    """Options of `inspect`.

    Attributes
    ----------
    rows : tuple of int
        Rows of tables whose features are shown; the column names are row 1.
    offset_s : float >= 0
        Start of the part of songs to draw, in seconds.
    duration_s : float > 0, optional
        Length of that part in seconds; at most ten minutes.
    """

    rows: tuple[int, ...] = ()
    offset_s: float = 0.0
    duration_s: float | None = None


@dataclass(frozen=True, eq=False)
class Inspected:
    """The picture of an input as a PNG, with a description; or the reason why there is none."""

    name: str
    png: bytes = b""
    words: str = ""
    error: str = ""

    @property
    def said(self) -> str:
        """The words or the reason, with the name of the input in front, once."""
        text = self.error or self.words
        return text if text.startswith(f"{self.name} ") else f"{self.name}: {text}"


def is_model(word: str) -> bool:
    """Return whether a word names a model: a bundle, or a shipped one where no file has its name."""
    return word.endswith(SUFFIX) or (word in shipped_models() and not Path(word).exists())


def inspect(
    what: str | Path | Input,
    model: Model | str | Path | Sequence[Model | str | Path] | None = None,
    options: InspectOptions | None = None,
) -> Inspected:
    """Draw what a model saw of a song, a photo or a table, or how good a model is.

    Parameters
    ----------
    what : str, Path or Input
        A song, a picture, a table, the path of a bundle, or the name of a shipped model.
    model : Model, str or Path, or a sequence of them, optional
        The first that takes the input; by default the shipped models.
    options : InspectOptions, optional

    Returns
    -------
    Inspected
        With ``error`` for an input or a model that cannot be read, or has nothing to draw.

    Raises
    ------
    UsageError
        If no model takes the input, or a table has no such row.
    BundleError
        If ``model`` cannot be loaded.
    """
    options = options or InspectOptions()
    if isinstance(what, str | Path):
        if is_model(str(what)):
            from genrekit.inspection.model import draw_model

            try:
                return Inspected(str(what), *draw_model(find(what)))
            except GenrekitError as error:
                return Inspected(str(what), error=f"{error.message} {error.hint}".strip())
        what = Input(str(what), Path(what))
    if what.error:
        return Inspected(what.name, error=sentence(what.error))
    models = load_models(model)
    try:
        with ExitStack() as stack:
            path = what.path
            if what.address is not None:
                from genrekit.remote import fetched

                path = stack.enter_context(fetched(what.address))
            assert path is not None
            return Inspected(what.name, *_drawn(what, path, models, options))
    except (MediaError, DatasetError, OSError) as error:
        return Inspected(what.name, error=sentence(str(error)))


def _drawn(what: Input, path: Path, models: tuple[Model, ...], options: InspectOptions) -> tuple[bytes, str]:
    kind = modality(path)
    if kind is None:
        raise MediaError("The file is not a song, a picture or a table, by its content and its suffix.")
    if kind is Modality.TABLE:
        from genrekit.inspection.table import draw_table

        return draw_table(models, what.name, path, options.rows)
    model = model_for(kind, models)
    if kind is Modality.IMAGE:
        from genrekit.inspection.photo import draw_photo

        return draw_photo(model, what.name, path)
    from genrekit.inspection.song import draw_song

    duration_s = options.duration_s
    if what.end_s is not None:
        left_s = what.end_s - what.start_s - options.offset_s
        duration_s = left_s if duration_s is None else min(left_s, duration_s)
    return draw_song(model, what.name, path, what.start_s + options.offset_s, duration_s)


def inspection_page(found: Sequence[Inspected]) -> str:
    """Return an HTML page of one file with the picture of every input, in order, and what it shows in words."""
    parts = []
    for one in found:
        parts.append(page.heading(Path(one.name).name or one.name))
        if one.error:
            parts.append(page.note(one.said))
            continue
        parts += [page.paragraph(one.words), page.pictures([(one.said, one.png)])]
    return page.page("What a model saw", parts)
