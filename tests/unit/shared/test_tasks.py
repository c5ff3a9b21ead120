"""A task that is to end ends, whatever a library on its way does with the cancellation."""

import asyncio

from shared.tasks import end


async def test_a_task_that_swallows_a_cancellation_is_cancelled_again() -> None:
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                swallowed += 1
                if swallowed == 3:
                    raise

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    await end(task)
    assert (task.cancelled(), swallowed) == (True, 3)


async def test_a_task_that_failed_has_ended() -> None:
    async def failing() -> None:
        raise ValueError("its outcome does not matter")

    task = asyncio.create_task(failing())
    await asyncio.wait({task})
    await end(task)
    assert task.done()
    assert isinstance(task.exception(), ValueError)
