"""Evaluation of a model, or of a recipe, on labelled data, and comparison of several."""

from genrekit.evaluation import page
from genrekit.evaluation.compare import compare, compare_on, compare_recipes
from genrekit.evaluation.compare_text import (
    comparison_csv,
    comparison_html,
    comparison_json,
    comparison_markdown,
    render_comparison,
)
from genrekit.evaluation.cost import Cost, Graph, measure_cost
from genrekit.evaluation.evaluate import cross_validate, evaluate, evaluate_on
from genrekit.evaluation.explain import explain
from genrekit.evaluation.explain_page import (
    check_explanation_folder,
    explanation_dict,
    render_explanation,
    write_explanation,
)
from genrekit.evaluation.explanation import Explanation
from genrekit.evaluation.leaderboard import Compared, Comparison
from genrekit.evaluation.model_data import open_in_words_of, split_of
from genrekit.evaluation.report_text import FILES, render, to_json, write_report
from genrekit.evaluation.runs import Difference, Run, differences, find_runs, sort_runs

__all__ = [
    "FILES",
    "Compared",
    "Comparison",
    "Cost",
    "Difference",
    "Explanation",
    "Graph",
    "Run",
    "check_explanation_folder",
    "compare",
    "compare_on",
    "compare_recipes",
    "comparison_csv",
    "comparison_html",
    "comparison_json",
    "comparison_markdown",
    "cross_validate",
    "differences",
    "evaluate",
    "evaluate_on",
    "explain",
    "explanation_dict",
    "find_runs",
    "measure_cost",
    "open_in_words_of",
    "page",
    "render",
    "render_comparison",
    "render_explanation",
    "sort_runs",
    "split_of",
    "to_json",
    "write_explanation",
    "write_report",
]
