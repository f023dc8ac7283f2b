"""Sphinx: ``python -m sphinx -W --keep-going -b html docs build/docs``, without a network."""

from __future__ import annotations

from genrekit import __version__

project = "genrekit"
author = "the authors of genrekit"
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["build"]
html_theme = "furo"
html_title = f"genrekit {__version__}"
html_copy_source = False
html_static_path: list[str] = []
myst_heading_anchors = 4
myst_enable_extensions = ["attrs_block"]
autosummary_generate = False
autodoc_typehints = "none"  # numpydoc's sections have the types, with shapes and units
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
suppress_warnings = [
    "myst.xref_missing",  # links to files of the repository beside the docs
    "misc.highlighting_failure",  # blocks of commands with their output
]
