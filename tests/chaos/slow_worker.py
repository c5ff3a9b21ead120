"""A worker whose handler takes its time: `python -m tests.chaos.slow_worker URL NAME JOURNAL SECONDS LONG_SECONDS`.

It writes to the journal, by the monotonic clock that all processes of a machine share, when it begins and ends with
which message.
"""

import asyncio
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry

from shared.contracts import DocumentFetched, Event
from shared.messaging import StreamBroker
from shared.streams import Stream

#: Messages in hand at the same time; the harness keeps half of them free.
HANDS = 8
#: The one message that takes `LONG_SECONDS`.
LONG = 1


async def work(url: str, name: str, journal: Path, seconds: float, long_seconds: float) -> None:
    """Work until SIGTERM."""
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)

    def note(what: str, sequence: int) -> None:
        with journal.open("a") as lines:
            lines.write(f"{what} {sequence} {time.monotonic()}\n")

    async def take_time(event: DocumentFetched) -> Sequence[Event]:
        note("begun", event.sequence)
        await asyncio.sleep(long_seconds if event.sequence == LONG else seconds)
        note("ended", event.sequence)
        return ()

    broker = StreamBroker(url, consumer=name, registry=CollectorRegistry())
    broker.consume(Stream.FETCHED, take_time, workers=HANDS)
    await broker.start()
    await stopping.wait()
    await broker.stop()


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], sys.argv[2], Path(sys.argv[3]), float(sys.argv[4]), float(sys.argv[5])))
