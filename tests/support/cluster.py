"""A small Dask cluster on this machine."""

import dask
import distributed
import pytest

from support.waiting import wait_until


@pytest.fixture(scope="module")
def workers():
    """A cluster of two worker processes, each with a nanny that replaces it when it dies.

    Dask calls a task bad after the first death of a worker that it was assigned to, so that every neighbour of
    a bad one is called bad as well. A local cluster also closes the nanny of a worker that has been away for 15 s; its
    timer is not stopped by a replacement that dies too, so that it would kill the next one, with its task.
    """
    settings = {
        "distributed.scheduler.allowed-failures": 0,
        "distributed.deploy.lost-worker-timeout": "1 hour",
    }
    with (
        dask.config.set(settings),
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address="127.0.0.1:0",
            silence_logs=60,
        ) as started,
    ):
        yield started


@pytest.fixture(scope="module")
def threads():
    """The address of a cluster in this process, which starts in no time: two workers that are threads."""
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=False,
        protocol="tcp://",
        host="127.0.0.1",
        dashboard_address=None,
        silence_logs=60,
    ) as started:
        yield started.scheduler_address.replace("tcp://", "dask://")


@pytest.fixture
def address(workers):
    yield workers.scheduler_address.replace("tcp://", "dask://")
    assert wait_until(lambda: not workers.scheduler.tasks)  # whatever happened, nothing is left there
