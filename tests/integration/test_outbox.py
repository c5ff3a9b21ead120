"""What Redis has lost is fed again: once."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from pathlib import Path

import pytest
from redis.asyncio import Redis

from services.fetcher.adapters.inbox import Reading
from services.fetcher.adapters.ledger import Lane, Ledger
from services.fetcher.adapters.ledger_file import LedgerFile
from services.fetcher.domain.identity import Place, Stamp
from services.fetcher.handlers import Librarian
from services.fetcher.outbox import RECONCILE_SECONDS, Outbox
from shared.contracts import BlobRef
from shared.streams import Stream
from shared.tasks import end


class Publishing:
    """A ledger, and the outbox that publishes what is in it."""

    def __init__(self, file: LedgerFile, client: Redis) -> None:
        self.file, self._client = file, client
        self.ledger = Ledger(file)
        self.outbox = Outbox(self.ledger)
        self.outbox.connect(client)
        self._librarian = Librarian(self.ledger, self.outbox, lambda _: False)

    def enter(self, name: str, lane: Lane) -> None:
        """Enter a file of its own."""
        now = time.time_ns()
        reading = Reading(Stamp(1, now, 1, 1), now, BlobRef(sha256=name.rjust(64, "0"), size=1))
        self._librarian.on_file_read(Place("inbox", name.encode()), reading, lane)

    def sequences(self) -> list[int]:
        """Return all sequences: those of documents that are fed again are new."""
        return [row[0] for row in self.file.execute("SELECT sequence FROM documents ORDER BY document_id")]

    async def on_stream(self, entries: int) -> None:
        """Wait until so many entries are on the stream."""
        async with asyncio.timeout(20):
            while await self._client.xlen(Stream.FETCHED) != entries:  # noqa: ASYNC110  seen from outside
                await asyncio.sleep(0.05)


@pytest.fixture
async def publishing(tmp_path: Path, client: Redis) -> AsyncIterator[Publishing]:
    async with AsyncExitStack() as parts:
        publishing = Publishing(parts.enter_context(closing(LedgerFile(tmp_path))), client)
        tasks = [asyncio.create_task(work()) for work in (publishing.outbox.publish, publishing.outbox.reconcile)]
        yield publishing
        for task in tasks:
            await end(task)


@pytest.mark.parametrize("lanes", [(Lane.FRESH,), (Lane.BULK,), (Lane.FRESH, Lane.BULK)])
async def test_what_a_server_without_its_data_lost_is_fed_again_once(
    publishing: Publishing, client: Redis, lanes: tuple[Lane, ...]
) -> None:
    for number, lane in enumerate(lanes):
        publishing.enter(f"{number}", lane)
    await publishing.on_stream(len(lanes))
    before = publishing.sequences()
    await client.flushall()
    await publishing.on_stream(len(lanes))
    fed = publishing.sequences()
    assert min(fed) > max(before)
    await asyncio.sleep(3 * RECONCILE_SECONDS)
    assert publishing.sequences() == fed
    publishing.enter("a", Lane.FRESH)
    await publishing.on_stream(len(lanes) + 1)
