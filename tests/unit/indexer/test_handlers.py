"""What becomes of a document when something has happened to it."""

from pathlib import Path

import pytest

from services.indexer.adapters.documents import SqliteDocumentStore
from services.indexer.handlers import Indexer
from shared.contracts import BlobRef, DocumentSettled, SettledState
from shared.errors import TransientError
from tests.unit.indexer.desk import (
    LATER,
    FakeSearchIndex,
    an_id,
    article,
    duplicated,
    moved,
    parsed,
    rejected,
    removed,
)


def settled(name: str, sequence: int, state: SettledState, reason: str | None = None) -> list[DocumentSettled]:
    return [DocumentSettled(document_id=an_id(name), sequence=sequence, state=state, reason=reason)]


async def test_a_parsed_document_is_indexed(
    indexer: Indexer, store: SqliteDocumentStore, index: FakeSearchIndex
) -> None:
    """When it is settled, it is stored, can be found, and knows when that was."""
    outcome = await indexer.on_document_parsed(parsed("a", 5))

    kept = store.get(an_id("a"))
    assert settled("a", 5, "indexed") == list(outcome)
    assert kept is not None
    assert kept.times is not None
    assert LATER == kept.times.indexed
    assert article() == index.documents[an_id("a")].parsed == kept.parsed


async def test_a_text_too_long_for_a_message_is_fetched_from_the_blob_store(
    indexer: Indexer, index: FakeSearchIndex, tmp_path: Path
) -> None:
    """And while its blob is not there, the event is tried again."""
    book = article(body=" ".join(str(n * n) for n in range(20_000)))
    event = parsed("a", 5, book, blobs=tmp_path / "blobs")
    lost = parsed("b", 6, book.model_copy(update={"title": "Lost"}), blobs=tmp_path / "elsewhere")
    await indexer.on_document_parsed(event)

    assert book == index.documents[an_id("a")].parsed
    with pytest.raises(TransientError):
        await indexer.on_document_parsed(lost)


async def test_an_event_delivered_twice_is_settled_twice_and_kept_once(
    indexer: Indexer, index: FakeSearchIndex
) -> None:
    """The reply to the first delivery may have been lost."""
    await indexer.on_document_parsed(parsed("a", 5))
    outcome = await indexer.on_document_parsed(parsed("a", 5))

    assert settled("a", 5, "indexed") == list(outcome)
    assert [an_id("a")] == list(index.documents)


async def test_a_late_event_changes_nothing_and_settles_nothing(indexer: Indexer, store: SqliteDocumentStore) -> None:
    """What is stored is newer; its own event settles it."""
    await indexer.on_document_parsed(parsed("a", 5, article("New")))
    outcome = await indexer.on_document_parsed(parsed("a", 4, article("Old")))

    kept = store.get(an_id("a"))
    assert [] == list(outcome)
    assert kept is not None
    assert kept.parsed is not None
    assert kept.parsed.title == "New"


async def test_a_removed_document_does_not_come_back(
    indexer: Indexer, store: SqliteDocumentStore, index: FakeSearchIndex
) -> None:
    """Its text is gone at once, and a late `DocumentParsed` finds the tombstone."""
    await indexer.on_document_parsed(parsed("a", 5))
    outcome = await indexer.on_document_changed(removed("a", 7))
    late = await indexer.on_document_parsed(parsed("a", 6))

    kept = store.get(an_id("a"))
    assert settled("a", 7, "removed") == list(outcome)
    assert [] == list(late)
    assert {} == index.documents
    assert kept is not None
    assert (kept.state, kept.parsed) == ("removed", None)


async def test_a_moved_document_has_another_path_and_is_otherwise_what_it_was(
    indexer: Indexer, store: SqliteDocumentStore
) -> None:
    """Nothing is parsed again."""
    await indexer.on_document_parsed(parsed("a", 5))
    outcome = await indexer.on_document_changed(moved("a", 6, "archive/a.txt"))

    kept = store.get(an_id("a"))
    assert settled("a", 6, "indexed") == list(outcome)
    assert kept is not None
    assert kept.source is not None
    assert (kept.source.path, kept.parsed) == ("archive/a.txt", article())


async def test_a_move_of_an_unknown_document_settles_nothing(indexer: Indexer, store: SqliteDocumentStore) -> None:
    """The index was lost: the fetcher will feed the whole document, so nothing may be claimed about it."""
    outcome = await indexer.on_document_changed(moved("a", 6, "archive/a.txt"))

    assert [] == list(outcome)
    assert store.get(an_id("a")) is None


async def test_a_duplicate_is_known_and_not_found(
    indexer: Indexer, store: SqliteDocumentStore, index: FakeSearchIndex
) -> None:
    """The document whose bytes it has is found instead; what the file held before is not."""
    await indexer.on_document_parsed(parsed("b", 4))
    outcome = await indexer.on_document_changed(duplicated("b", 5, "a"))

    kept = store.get(an_id("b"))
    assert settled("b", 5, "duplicate") == list(outcome)
    assert {} == index.documents
    assert kept is not None
    assert an_id("a") == kept.duplicate_of


async def test_a_rejection_is_kept_with_its_reason(indexer: Indexer, store: SqliteDocumentStore) -> None:
    """Whoever dropped the file is told why."""
    outcome = await indexer.on_document_rejected(rejected("a", 5, message="AAAA", stream="documents.fetched"))

    kept = store.get(an_id("a"))
    assert settled("a", 5, "rejected", "The file is empty.") == list(outcome)
    assert kept is not None
    assert kept.rejection is not None
    assert kept.rejection.message == "AAAA"


async def test_a_replayed_document_leaves_quarantine(indexer: Indexer, store: SqliteDocumentStore) -> None:
    """The same sequence is applied again, and this time it worked."""
    await indexer.on_document_rejected(rejected("a", 5))
    outcome = await indexer.on_document_parsed(parsed("a", 5))

    assert settled("a", 5, "indexed") == list(outcome)
    assert store.count("rejected") == 0


async def test_a_rejected_move_is_undone_by_its_replay(
    indexer: Indexer, store: SqliteDocumentStore, index: FakeSearchIndex
) -> None:
    """What moved is in quarantine meanwhile, and then found again: its text was not lost."""
    await indexer.on_document_parsed(parsed("a", 5))
    await indexer.on_document_rejected(rejected("a", 6, stage="indexer", stream="documents.changed"))
    assert an_id("a") not in index.documents

    outcome = await indexer.on_document_changed(moved("a", 6, "archive/a.txt"))
    kept = store.get(an_id("a"))
    assert settled("a", 6, "indexed") == list(outcome)
    assert kept is not None
    assert (kept.rejection, kept.parsed, kept.parser_version) == (None, article(), "7")
    assert index.documents[an_id("a")].parsed == article()


async def test_an_indexed_document_is_not_rejected_by_the_deaths_of_its_workers(
    indexer: Indexer, store: SqliteDocumentStore, tmp_path: Path
) -> None:
    """The last of them died after the commit: the document is indexed, and says so once more."""
    await indexer.on_document_parsed(parsed("a", 7, blobs=tmp_path / "blobs"))
    (settled,) = await indexer.on_document_rejected(rejected("a", 7))

    known = store.get(an_id("a"))
    assert known is not None
    assert ("indexed", "indexed") == (known.state, getattr(settled, "state", None))


async def test_bytes_that_were_read_before_stay_found_when_a_second_reading_fails(
    indexer: Indexer, store: SqliteDocumentStore, index: FakeSearchIndex, tmp_path: Path
) -> None:
    """Redis was wiped, the document came once more, and three workers were killed that had it in hand."""
    first = parsed("a", 7, blobs=tmp_path / "blobs")
    await indexer.on_document_parsed(first)
    outcome = await indexer.on_document_rejected(rejected("a", 9, content=first.content))

    assert settled("a", 9, "indexed") == list(outcome)
    assert an_id("a") in index.documents
    assert store.count("rejected") == 0


async def test_other_bytes_that_cannot_be_read_take_the_place_of_those_before(
    indexer: Indexer, index: FakeSearchIndex, tmp_path: Path
) -> None:
    """The file was edited: what it said before is no longer true."""
    await indexer.on_document_parsed(parsed("a", 7, blobs=tmp_path / "blobs"))
    edited = BlobRef(sha256="b" * 64, size=3)
    outcome = await indexer.on_document_rejected(rejected("a", 9, content=edited))

    assert settled("a", 9, "rejected", "The file is empty.") == list(outcome)
    assert an_id("a") not in index.documents
