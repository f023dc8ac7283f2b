"""Predictions by the shadow model beside those that were sent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from genrekit.errors import GenrekitError
from genrekit.server.experiments import Shadow
from genrekit.server.problems import Problem
from genrekit.server.rows import Part
from genrekit.server.service import Job, Service


def compare_later(service: Service, job: Job, parts: Sequence[Part]) -> None:
    """Let the shadow model predict the inputs of a request whose response is on its way."""
    shadow = service.shadow
    if shadow is None or service.admission.draining:
        return
    if shadow.full or not service.admission.idle:
        shadow.skip(job.snapshot, parts)
        return
    job.body.held = True
    service.background.keep(_compare(service, shadow, job, parts))


async def _compare(service: Service, shadow: Shadow, job: Job, parts: Sequence[Part]) -> None:
    try:
        with job.snapshot.use():
            await shadow.compare(job.snapshot, parts, job.served.pipeline.options)
    except (GenrekitError, Problem) as error:
        service.log.event("shadow failed", error=str(error))
    finally:
        await asyncio.to_thread(job.body.close)
