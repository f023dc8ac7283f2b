"""Evaluation of a model, or of a recipe, on labelled data."""

from genrekit.evaluation.evaluate import cross_validate, evaluate
from genrekit.evaluation.report_text import FILES, render, to_json, write_report

__all__ = ["FILES", "cross_validate", "evaluate", "render", "to_json", "write_report"]
