"""What Redis, or an index, has lost is fed again, and once."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest
from redis.asyncio import Redis

from services.fetcher.adapters.inbox import Reading
from services.fetcher.adapters.ledger import Ledger
from services.fetcher.adapters.ledger_entry import Lane, LedgerEntry
from services.fetcher.adapters.ledger_file import LedgerFile
from services.fetcher.domain.identity import Place, Stamp
from services.fetcher.handlers import Librarian
from services.fetcher.outbox import RECONCILE_SECONDS, Outbox
from shared.contracts import BlobRef
from shared.streams import INDEX_ID_KEY, Stream
from shared.tasks import end

#: Seconds after which something that should have happened will not happen any more.
PATIENCE_SECONDS = 15.0


class Desk:
    """A ledger whose outbox is at work."""

    def __init__(self, file: LedgerFile, client: Redis) -> None:
        self.ledger = Ledger(file)
        self.outbox = Outbox(self.ledger)
        self.outbox.connect(client)
        self.librarian = Librarian(self.ledger, self.outbox, lambda _: False)

    def enter(self, number: int, lane: Lane) -> None:
        content = BlobRef(sha256=f"{number:064x}", size=1)
        self.librarian.on_file_read(self._place(number), Reading(Stamp(1, 1, 1, number), 1, content), lane)

    def settle(self, number: int) -> None:
        entry = self.at(number)
        assert self.ledger.settle(entry.document_id, entry.sequence, "indexed")

    def at(self, number: int) -> LedgerEntry:
        entry = self.ledger.at(self._place(number))
        assert entry is not None
        return entry

    def all_published(self) -> bool:
        return not any(self.ledger.unpublished(lane, 1) for lane in Lane)

    def _place(self, number: int) -> Place:
        return Place("inbox", b"%d" % number)


@pytest.fixture
async def desk(client: Redis, tmp_path: Path) -> AsyncIterator[Desk]:
    with closing(LedgerFile(tmp_path)) as file:
        desk = Desk(file, client)
        tasks = [asyncio.create_task(work()) for work in (desk.outbox.publish, desk.outbox.reconcile)]
        yield desk
        for task in tasks:
            await end(task)


async def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_what_an_emptied_redis_has_lost_is_fed_again_once(desk: Desk, client: Redis) -> None:
    """Also while nothing more is dropped, so that of what was nothing is published."""
    for number, lane in enumerate((Lane.FRESH, Lane.FRESH, Lane.BULK)):
        desk.enter(number, lane)
    await until(desk.all_published)
    desk.settle(0)
    before = [desk.at(number).sequence for number in range(3)]
    await client.flushall()
    await until(lambda: desk.at(2).sequence != before[2] and desk.all_published())
    again = [desk.at(number).sequence for number in range(3)]
    assert again[0] == before[0]
    assert before[2] < again[1] < again[2]
    await asyncio.sleep(2.5 * RECONCILE_SECONDS)
    assert again == [desk.at(number).sequence for number in range(3)]
    assert await client.xlen(Stream.FETCHED) == 2


async def test_another_index_is_fed_everything_once(desk: Desk, client: Redis) -> None:
    await client.set(INDEX_ID_KEY, "the first")
    await until(lambda: desk.ledger.index_id == "the first")
    for number in range(3):
        desk.enter(number, Lane.FRESH)
    await until(desk.all_published)
    for number in range(3):
        desk.settle(number)
    before = [desk.at(number).sequence for number in range(3)]
    await client.set(INDEX_ID_KEY, "the second")
    await until(lambda: desk.at(2).sequence != before[2] and not desk.ledger.is_feeding)
    again = [desk.at(number).sequence for number in range(3)]
    await asyncio.sleep(2.5 * RECONCILE_SECONDS)
    assert again == [desk.at(number).sequence for number in range(3)]
    assert before[2] < again[0] < again[1] < again[2]
