"""Ending a task for sure."""

import asyncio
from typing import Any

import structlog

log = structlog.get_logger()

#: Seconds between two cancellations of a task that goes on, and how many of them there are.
AGAIN_SECONDS, MOST_TIMES = 0.2, 15


async def end(task: "asyncio.Task[Any] | None") -> None:
    """Cancel the task until it has ended; its outcome does not matter any more.

    Once is not enough: redis-py sends under `asyncio.wait_for`, which on Python 3.11 swallows a cancellation that comes
    just as the bytes are out (cpython issue 86296). The task would go on, and whoever waits for it would hang.
    """
    for _ in range(MOST_TIMES):
        if task is None or task.done():
            return
        task.cancel()
        await asyncio.wait({task}, timeout=AGAIN_SECONDS)
    log.error("task_hangs", task=task and task.get_name())
