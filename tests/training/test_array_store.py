import gc
import resource

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from genrekit.errors import DatasetError
from genrekit.training.array_store import ArrayStore

arrays = st.lists(
    st_numpy.arrays(
        st.sampled_from([np.float32, np.uint8, np.float64]), st_numpy.array_shapes(max_dims=4, max_side=5)
    ),
    max_size=8,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=arrays, memory_bytes=st.integers(0, 500), fortran=st.booleans())
def test_what_is_put_comes_back_in_order(tmp_path, values, memory_bytes, fortran):
    store = ArrayStore(tmp_path, memory_bytes=memory_bytes)
    for array in values:
        store.put(np.asfortranarray(array) if fortran else array)
    assert store.used_bytes == sum(array.nbytes for array in values)
    back = store.arrays()
    assert len(back) == len(values)
    for array, found in zip(values, back, strict=True):
        assert found.dtype == array.dtype
        assert found.shape == array.shape
        assert found.tobytes() == array.tobytes()


def test_what_does_not_fit_into_memory_is_mapped_and_leaves_no_file(tmp_path):
    store = ArrayStore(tmp_path, memory_bytes=1000)
    for i in range(5):
        store.put(np.full((2, 50), i, np.float32))
    first, *_, last = store.arrays()
    assert not list(tmp_path.iterdir())  # it has no name
    assert isinstance(last.base, np.memmap)
    assert not isinstance(first.base, np.memmap)
    del store
    gc.collect()
    assert (last == 4).all()
    with pytest.raises(ValueError, match="read-only"):
        last[0] = 1


def test_a_folder_that_is_not_there_is_done_without(tmp_path):
    store = ArrayStore(tmp_path / "missing", memory_bytes=0)
    store.put(np.ones(3))
    assert store.arrays()[0].tolist() == [1, 1, 1]
    assert ArrayStore(None).arrays() == []


def fill(store, n):
    for _ in range(9):
        store.put(np.zeros(n, np.uint8))


@pytest.mark.parametrize("n", [600, 30_000])
def test_a_full_disk_ends_with_words(tmp_path, n):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    store = ArrayStore(tmp_path, memory_bytes=0)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, before[1]))
    try:
        with pytest.raises(DatasetError, match="do not fit on the disk") as full:
            fill(store, n)
    finally:
        del store
        gc.collect()  # with the file open, a warning
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "GENREKIT_CACHE_DIR" in full.value.hint
