from contextlib import ExitStack

import pytest
from support.tagged_sounds import KINDS, make

from genrekit.library.tags.journal import Journal


@pytest.fixture(scope="session")
def originals(tmp_path_factory):
    folder = tmp_path_factory.mktemp("originals")
    return {kind: make(folder, kind) for kind in KINDS}


@pytest.fixture
def journal_at(tmp_path):
    """Journals in the folder of a test, by name."""
    with ExitStack() as stack:
        yield lambda name: stack.enter_context(Journal(tmp_path / name))
