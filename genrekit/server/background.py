"""Background tasks: warming up workers, reloading changed models, freeing memory and disk space."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from itertools import count

from genrekit.errors import GenrekitError
from genrekit.execution import Pool
from genrekit.preparation import Cache
from genrekit.server.memory import give_back
from genrekit.server.tables import warm_up

FIRST_TIDY_S, TIDY_S = 5.0, 30.0
TIDY_PER_PRUNE = 120


class Background:
    """Tasks of the event loop that are kept until they are done."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def keep(self, work: Coroutine[None, None, None]) -> None:
        """Start a task."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Cancel the tasks."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def warm_workers(pool: Pool, jobs: int) -> None:
    """Start the workers, and let them import what most inputs need."""
    warm = pool.caller(warm_up)
    await asyncio.gather(
        *(asyncio.wrap_future(warm(number)) for number in range(jobs)), return_exceptions=True
    )


async def watch(every_s: float, changed: Callable[[], bool], reload: Callable[[], Awaitable[object]]) -> None:
    """Load the models again when one of their files changed."""
    while True:
        await asyncio.sleep(every_s)
        if await asyncio.to_thread(changed):
            with suppress(GenrekitError):
                await reload()


async def tidy(cache: Cache) -> None:
    """Return free memory to the system now and then, and keep the cache within its size."""
    for number in count():
        await asyncio.sleep(TIDY_S if number else FIRST_TIDY_S)
        await asyncio.to_thread(give_back)
        if number % TIDY_PER_PRUNE == TIDY_PER_PRUNE - 1:
            await asyncio.to_thread(cache.prune)
