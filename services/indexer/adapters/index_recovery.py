"""Opens the search index so that it holds exactly the documents that the store says are indexed.

The index is derived, so that nothing about it is fatal: what cannot be read is put aside and made anew, what a killed
process left undone is done again, and if the numbers still differ all is indexed once more.
"""

import shutil
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import structlog

from services.indexer.adapters.documents import SqliteDocumentStore
from services.indexer.adapters.tantivy_index import Places, TantivyIndex
from services.indexer.domain.documents import DocumentRecord, split_by_state
from shared.errors import SetupError, TransientError

log = structlog.get_logger()

#: Documents in one commit of a rebuild: the cost of a commit is gone at this size, and they fit in memory.
REBUILD_BATCH = 5_000


def open_index(folder: Path, store: SqliteDocumentStore) -> TantivyIndex:
    """Return the index of the store's documents; a rebuild takes a second for some 3,000 articles.

    Raises:
        SetupError: another process writes to it, or the disk does not take it.
    """
    index = _open_or_make_anew(folder, store.duplicates.places)
    try:
        _finish(index, store)
        if index.count() != store.count("indexed"):
            _rebuild(index, store)
    except TransientError as error:
        index.close()
        raise SetupError(str(error)) from error
    return index


def _open_or_make_anew(folder: Path, places: Places) -> TantivyIndex:
    try:
        return TantivyIndex(folder, places)
    except ValueError as error:
        aside = folder.with_name(f"{folder.name}.aside")
        shutil.rmtree(aside, ignore_errors=True)
        folder.rename(aside)
        log.warning("index_put_aside", folder=str(aside), error=str(error))
        return TantivyIndex(folder, places)


def _finish(index: TantivyIndex, store: SqliteDocumentStore) -> None:
    """Index what was stored when the last process ended and, for all we know, not indexed."""
    unfinished = list(store.unconfirmed())
    if unfinished:
        log.info("index_finishing", documents=len(unfinished))
        _write(index, unfinished)
        store.confirm([record.document_id for record in unfinished])


def _rebuild(index: TantivyIndex, store: SqliteDocumentStore) -> None:
    total, done, start = store.count("indexed"), 0, time.monotonic()
    log.warning("index_rebuilding", documents=total, found=index.count())
    index.clear()
    for batch in _batches(store.indexed()):
        _write(index, batch)
        done += len(batch)
        rate = round(done / max(time.monotonic() - start, 0.001))
        log.info("index_rebuilding", done=done, documents=total, per_second=rate)


def _write(index: TantivyIndex, records: Sequence[DocumentRecord]) -> None:
    """Write them together; one that cannot be indexed must not keep the service from starting."""
    try:
        index.write(*split_by_state(records))
    except TransientError:
        raise
    except Exception:
        if len(records) == 1:
            log.exception("document_not_indexable", document_id=records[0].document_id)
            return
        for record in records:
            _write(index, [record])


def _batches(records: Iterator[DocumentRecord]) -> Iterator[list[DocumentRecord]]:
    while batch := list(islice(records, REBUILD_BATCH)):
        yield batch
