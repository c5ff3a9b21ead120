"""The documents in their file."""

from contextlib import closing
from pathlib import Path

import pytest

from services.indexer.adapters.documents import SqliteDocumentStore
from shared.errors import SetupError
from tests.unit.indexer.desk import an_id, article, record, rejected


def test_a_record_comes_back_as_it_was_put(store: SqliteDocumentStore) -> None:
    """With its text, or without where it has none."""
    records = [record("a"), record("b", state="removed", parsed=None, times=None)]
    store.put_many(records)

    assert records == [store.get(r.document_id) for r in records]
    assert {r.document_id: r for r in records} == store.get_many([an_id("a"), an_id("b"), an_id("c")])


def test_documents_are_listed_last_changed_first(store: SqliteDocumentStore) -> None:
    """The list carries titles and not texts."""
    store.put_many([record("a", 1), record("b", 3, parsed=article("Second")), record("c", 2)])
    total, listed = store.newest("indexed", limit=2, offset=0)

    assert total == 3
    assert [(an_id("b"), "Second"), (an_id("c"), article().title)] == [(d.record.document_id, d.title) for d in listed]
    assert all(document.record.parsed is None for document in listed)


def test_states_are_counted_and_listed_apart(store: SqliteDocumentStore) -> None:
    """The quarantine is the documents in state `rejected`."""
    rejection = rejected("b", 2)
    store.put_many([record("a"), record("b", 2, state="rejected", parsed=None, rejection=rejection)])

    assert (1, 1, 0) == (store.count("indexed"), store.count("rejected"), store.count("removed"))
    assert [rejection] == [document.record.rejection for document in store.newest("rejected", 10, 0)[1]]
    assert [record("a")] == list(store.indexed())


def test_what_was_not_confirmed_is_found_again_after_a_restart(tmp_path: Path) -> None:
    """A process that dies between storing and indexing leaves a trace."""
    with closing(SqliteDocumentStore(tmp_path)) as store:
        store.put_many([record("a"), record("b")])
        store.confirm([an_id("a")])
        index_id = store.index_id
    with closing(SqliteDocumentStore(tmp_path)) as store:
        assert [record("b")] == list(store.unconfirmed())
        assert index_id == store.index_id


def test_a_new_file_has_a_new_identity(tmp_path: Path) -> None:
    """By it the fetcher learns that everything has to be fed again."""
    with closing(SqliteDocumentStore(tmp_path / "one")) as one, closing(SqliteDocumentStore(tmp_path / "two")) as two:
        assert one.index_id != two.index_id
        assert len(one.index_id) == 32


def test_a_second_process_on_the_folder_is_refused(tmp_path: Path) -> None:
    """With one line that says what to do."""
    with closing(SqliteDocumentStore(tmp_path)), pytest.raises(SetupError, match="in use by another indexer"):
        SqliteDocumentStore(tmp_path)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """With one line that says what to do; nothing is deleted unasked."""
    (tmp_path / "documents.sqlite").write_bytes(b"not a database" * 100)

    for _ in range(2):  # the lock was let go
        with pytest.raises(SetupError, match="remove the folder"):
            SqliteDocumentStore(tmp_path)
