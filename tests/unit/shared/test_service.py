"""Work beside a service that fails ends the service, and that is told from a stop."""

import asyncio
import signal

import pytest

from shared.service import WorkFailed, background


async def test_a_service_whose_work_fails_is_told_to_stop_and_does_not_end_as_if_it_had_been_stopped() -> None:
    """By a signal, as a stop is: everything else ends in order."""
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)

    async def failing() -> None:
        raise ValueError("a bug")

    with pytest.raises(WorkFailed) as failed:
        async with asyncio.timeout(5), background(failing, "failing"):
            await told.wait()
    assert str(failed.value.__cause__) == "a bug"


async def test_a_service_that_is_stopped_ends_its_work_and_has_not_failed() -> None:
    ended = False

    async def working() -> None:
        nonlocal ended
        try:
            await asyncio.sleep(60)
        finally:
            ended = True

    async with background(working, "working"):
        await asyncio.sleep(0)
    assert ended


async def test_work_that_is_done_ends_nothing() -> None:
    async def short() -> None:
        pass

    async with background(short, "short"):
        await asyncio.sleep(0.01)
