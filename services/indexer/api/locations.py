"""The places where the bytes of a document lie."""

from services.indexer.adapters.documents import SqliteDocumentStore
from services.indexer.api.dependencies import Answer
from services.indexer.domain.documents import DocumentRecord
from shared.contracts import Source

#: Of one document: more than a person looks through.
MOST_LOCATIONS = 1_000


class Location(Answer):
    """One file or page with these bytes, and the document it is."""

    document_id: str
    inbox: str
    path: str
    url: str | None


def locations_of(document_id: str, own: Source | None, store: SqliteDocumentStore) -> tuple[tuple[Location, ...], int]:
    """Return the document's own place and its duplicates', oldest first, at most 1,000, and how many there are.

    Args:
        own: where its file lies, None when it lies nowhere any more.

    Raises:
        TransientError: the disk does not give them.
    """
    first = (_location(document_id, own),) if own else ()
    duplicates = store.duplicates.of(document_id, MOST_LOCATIONS - len(first))
    others = (_location(record.document_id, record.source) for record in duplicates if record.source)
    return (*first, *others), len(first) + store.duplicates.count([document_id]).get(document_id, 0)


def own_place(record: DocumentRecord) -> Source | None:
    """Return where the document's file lies."""
    return None if record.state == "removed" else record.source


def _location(document_id: str, source: Source) -> Location:
    return Location(document_id=document_id, inbox=source.inbox, path=source.path, url=source.url)
