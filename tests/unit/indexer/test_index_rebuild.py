"""The index is built anew while the old one serves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.indexer.adapters.documents import SqliteDocumentStore
from services.indexer.adapters.group_commit import GroupCommit
from services.indexer.adapters.index_rebuild import IndexRebuild
from shared.contracts import LedgerCounts, StageBacklog
from shared.testing.clock import FakeClock
from tests.unit.indexer.desk import LATER, FakeSearchIndex, an_id, record, rejected


class Fetcher:
    """Stands for the ledger's counts: of two documents, fed to an index and perhaps still on their way."""

    def __init__(self) -> None:
        self.index_id: str | None = None
        self.in_flight = 0

    async def counts(self) -> LedgerCounts:
        flight = StageBacklog(fetcher=self.in_flight, parser=0, indexer=0)
        return LedgerCounts(
            accepted=2, indexed=2 - self.in_flight, duplicate=0, rejected=0, removed=0,
            in_flight=flight, counted=LATER, index_id=self.index_id,
        )  # fmt: skip


async def apply(commits: GroupCommit, name: str, sequence: int) -> None:
    new = record(name, sequence)
    await commits.apply(new.document_id, sequence, lambda _: new)


@asynccontextmanager
async def running(rebuild: IndexRebuild) -> AsyncIterator[None]:
    task = asyncio.create_task(rebuild.run())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def until_ended(rebuild: IndexRebuild) -> None:
    async with asyncio.timeout(5):
        while (await rebuild.progress()).running:  # noqa: ASYNC110  it is asked, as people do over HTTP
            await asyncio.sleep(0.01)


async def test_what_was_not_fed_again_is_removed_at_the_end(
    commits: GroupCommit, store: SqliteDocumentStore, index: FakeSearchIndex
) -> None:
    """A document that is in no ledger is a ghost; quarantine is left alone."""
    unreadable = record("q", 0, state="rejected", parsed=None, rejection=rejected("q", 0))
    await commits.apply(an_id("q"), 0, lambda _: unreadable)
    for number, name in enumerate(("a", "b", "ghost"), start=1):
        await apply(commits, name, number)
    fetcher = Fetcher()
    rebuild = IndexRebuild(store, commits, fetcher.counts)
    await rebuild.start()
    async with running(rebuild):
        await apply(commits, "a", 10)
        await apply(commits, "b", 11)
        assert {an_id("a"), an_id("b"), an_id("ghost")} == set(index.documents)
        fetcher.index_id = store.index_id
        await until_ended(rebuild)

    assert {an_id("a"), an_id("b")} == set(index.documents)
    assert store.get(an_id("q")) == unreadable
    assert (False, 2) == ((await rebuild.progress()).running, (await rebuild.progress()).documents)


async def test_it_does_not_end_while_documents_are_on_their_way(
    commits: GroupCommit, store: SqliteDocumentStore, index: FakeSearchIndex
) -> None:
    """Nor before the fetcher knows of it: its counts may be older than the rebuild."""
    await apply(commits, "a", 1)
    fetcher = Fetcher()
    rebuild = IndexRebuild(store, commits, fetcher.counts)
    await rebuild.start()
    async with running(rebuild):
        await asyncio.sleep(0.6)  # longer than it takes to look
        assert (await rebuild.progress()).running
        fetcher.index_id, fetcher.in_flight = store.index_id, 1
        await asyncio.sleep(0.6)
        assert (await rebuild.progress()).running

    assert {an_id("a")} == set(index.documents)


async def test_it_goes_on_after_a_restart(commits: GroupCommit, store: SqliteDocumentStore) -> None:
    """Where it began is kept beside the documents."""
    fetcher, clock = Fetcher(), FakeClock()
    await apply(commits, "a", 1)
    await IndexRebuild(store, commits, fetcher.counts).start()
    index_id = store.index_id
    await apply(commits, "a", 5)
    again = IndexRebuild(store, commits, fetcher.counts, clock)
    assert (await again.progress()).running
    await again.start()
    assert index_id == store.index_id
    assert 1 == (await again.progress()).done


async def test_progress_tells_rate_and_time_left(commits: GroupCommit, store: SqliteDocumentStore) -> None:
    """One of two documents in four seconds: four more."""
    fetcher, clock = Fetcher(), FakeClock()
    rebuild = IndexRebuild(store, commits, fetcher.counts, clock)
    await rebuild.start()
    await apply(commits, "a", 1)
    clock.advance(4.0)
    progress = await rebuild.progress()

    assert (1, 2, 0.25) == (progress.done, progress.documents, progress.per_second)
    assert 4.0 == progress.seconds_left


async def test_who_asks_while_it_ends_does_not_make_it_run_for_ever(
    commits: GroupCommit, store: SqliteDocumentStore
) -> None:
    """The answer to an earlier question may be late."""
    fetcher, answering, may_answer = Fetcher(), asyncio.Event(), asyncio.Event()

    async def late_counts() -> LedgerCounts:
        if not answering.is_set():
            answering.set()
            await may_answer.wait()
        return await fetcher.counts()

    await IndexRebuild(store, commits, fetcher.counts).start()
    fetcher.index_id = store.index_id
    rebuild = IndexRebuild(store, commits, late_counts)
    asked = asyncio.create_task(rebuild.progress())
    await answering.wait()
    async with running(rebuild):
        await until_ended(rebuild)
        may_answer.set()
        assert (await asked).running
        assert not (await rebuild.progress()).running
