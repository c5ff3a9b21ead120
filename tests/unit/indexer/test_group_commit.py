"""Many documents share one commit; each caller learns what became of its own."""

import asyncio

import pytest

from services.indexer.adapters.documents import SqliteDocumentStore
from services.indexer.adapters.group_commit import Change, GroupCommit
from services.indexer.domain.documents import DocumentRecord
from shared.errors import TransientError
from tests.unit.indexer.desk import FakeSearchIndex, an_id, record


def becomes(new: DocumentRecord) -> Change:
    return lambda _: new


async def put(commits: GroupCommit, new: DocumentRecord) -> DocumentRecord | None:
    return await commits.apply(new.document_id, new.sequence, becomes(new))


async def test_concurrent_documents_share_one_commit(commits: GroupCommit, index: FakeSearchIndex) -> None:
    """A commit costs the same for one and for many."""
    records = [record(str(n)) for n in range(50)]
    outcomes = await asyncio.gather(*(put(commits, new) for new in records))

    assert records == outcomes
    assert index.writes == 1
    assert commits.last_commit is not None


async def test_within_a_group_the_highest_sequence_wins(
    commits: GroupCommit, index: FakeSearchIndex, store: SqliteDocumentStore
) -> None:
    """Events of one document may arrive in any order."""
    await asyncio.gather(*(put(commits, record("a", sequence)) for sequence in (3, 9, 4)))

    assert index.documents[an_id("a")].sequence == 9
    assert store.get(an_id("a")) == record("a", 9)


async def test_a_change_sees_what_its_own_group_did_before(commits: GroupCommit) -> None:
    """A move that shares the commit of its document finds it."""
    seen: list[DocumentRecord | None] = []

    def look(known: DocumentRecord | None) -> DocumentRecord | None:
        seen.append(known)
        return known

    await asyncio.gather(put(commits, record("a", 1)), commits.apply(an_id("a"), 2, look))

    assert [record("a", 1)] == seen


async def test_one_that_cannot_be_indexed_fails_alone(commits: GroupCommit, index: FakeSearchIndex) -> None:
    """The others of its group are committed without it."""
    index.unindexable = {an_id("bad")}
    names = ("a", "bad", "b")
    a, bad, b = await asyncio.gather(*(put(commits, record(n)) for n in names), return_exceptions=True)

    assert (record("a"), record("b")) == (a, b)
    assert isinstance(bad, ValueError)
    assert {an_id("a"), an_id("b")} == set(index.documents)


async def test_a_change_that_fails_fails_alone(commits: GroupCommit, index: FakeSearchIndex) -> None:
    """A bug in one document's handling is that document's."""

    def fail(_: DocumentRecord | None) -> DocumentRecord:
        raise KeyError("bug")

    outcomes = await asyncio.gather(
        put(commits, record("a")), commits.apply(an_id("b"), 1, fail), return_exceptions=True
    )

    assert record("a") == outcomes[0]
    assert isinstance(outcomes[1], KeyError)
    assert index.writes == 1


async def test_a_full_disk_fails_all_and_shows_in_health_until_it_is_over(
    commits: GroupCommit, index: FakeSearchIndex, store: SqliteDocumentStore
) -> None:
    """Nothing is acknowledged; what is stored but not indexed is remembered; then all goes on."""
    index.failure = TransientError("disk full")
    outcomes = await asyncio.gather(*(put(commits, record(n)) for n in "ab"), return_exceptions=True)

    assert all(isinstance(outcome, TransientError) for outcome in outcomes)
    assert ["disk full"] == commits.faults()
    assert {an_id("a"), an_id("b")} == {r.document_id for r in store.unconfirmed()}

    index.failure = None
    await put(commits, record("a"))

    assert [] == commits.faults()


async def test_who_still_waits_at_the_end_is_told_to_try_again(
    store: SqliteDocumentStore, index: FakeSearchIndex
) -> None:
    """A stop leaves no caller hanging, and acknowledges nothing that is not durable."""
    commits = GroupCommit(store, index, linger_seconds=60, batch=100)
    commits.start()
    waiting = asyncio.create_task(put(commits, record("a")))
    await asyncio.sleep(0.01)
    await commits.stop()

    with pytest.raises(TransientError):
        await waiting
    assert store.get(an_id("a")) is None
    assert ["nothing is being committed"] == commits.faults()
