"""The places where the bytes of a document lie."""

from collections.abc import Iterable

from services.indexer.adapters.documents import SqliteDocumentStore
from services.indexer.api.dependencies import Answer
from services.indexer.domain.documents import DocumentRecord

#: Of one document: more than a person looks through.
MOST_LOCATIONS = 1_000


class Location(Answer):
    """One file or page with these bytes, and the document it is."""

    document_id: str
    inbox: str
    path: str
    url: str | None


def locations_of(record: DocumentRecord, store: SqliteDocumentStore) -> tuple[tuple[Location, ...], int]:
    """Return the document's own place and its duplicates', oldest first, at most 1,000, and how many there are.

    Raises:
        TransientError: the disk does not give them.
    """
    own = () if record.state == "removed" else tuple(_located([record]))
    duplicates = store.duplicates.of(record.document_id, MOST_LOCATIONS - len(own))
    total = len(own) + store.duplicates.count([record.document_id]).get(record.document_id, 0)
    return (*own, *_located(duplicates)), total


def _located(records: Iterable[DocumentRecord]) -> Iterable[Location]:
    for record in records:
        if source := record.source:
            yield Location(document_id=record.document_id, inbox=source.inbox, path=source.path, url=source.url)
