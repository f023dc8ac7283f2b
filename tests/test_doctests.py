"""The examples in docstrings are run."""

import doctest
import importlib
import pkgutil

import pytest

import genrekit

MODULES = [
    info.name
    for info in pkgutil.walk_packages(genrekit.__path__, "genrekit.")
    if info.name != "genrekit.__main__"
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name):
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert failed == 0
