"""The streams: what travels on each, and which consumer group takes it off.

    fetcher ──documents.fetched──▶ parser ──documents.parsed──▶ indexer
    fetcher ──documents.changed──────────────────────────────▶ indexer      (moved, removed, duplicated)
    any     ──documents.rejected─────────────────────────────▶ indexer      (quarantine)
    indexer ──documents.settled──▶ fetcher                                  (closes the ledger's entry)

Every stream has exactly one consumer group, named after the service that reads it. An entry is deleted when
it is acknowledged, so a stream's length is its exact backlog.
"""

from enum import StrEnum

from shared.contracts import (
    DocumentDuplicated,
    DocumentFetched,
    DocumentMoved,
    DocumentParsed,
    DocumentRejected,
    DocumentRemoved,
    DocumentSettled,
    Event,
)


class Stream(StrEnum):
    """A Redis stream's key."""

    FETCHED = "documents.fetched"
    PARSED = "documents.parsed"
    CHANGED = "documents.changed"
    REJECTED = "documents.rejected"
    SETTLED = "documents.settled"


CONSUMER_GROUP = {
    Stream.FETCHED: "parser",
    Stream.PARSED: "indexer",
    Stream.CHANGED: "indexer",
    Stream.REJECTED: "indexer",
    Stream.SETTLED: "fetcher",
}

STREAM_OF: dict[type[Event], Stream] = {
    DocumentFetched: Stream.FETCHED,
    DocumentParsed: Stream.PARSED,
    DocumentMoved: Stream.CHANGED,
    DocumentRemoved: Stream.CHANGED,
    DocumentDuplicated: Stream.CHANGED,
    DocumentRejected: Stream.REJECTED,
    DocumentSettled: Stream.SETTLED,
}

#: Sequence of the last event the fetcher put on a stream. If it is lower than the ledger's, Redis lost data.
PUBLISHED_SEQUENCE_KEY = "ledger.published"
#: The same for what scans have found: it is published in an order of its own, after what was dropped meanwhile.
PUBLISHED_BULK_SEQUENCE_KEY = "ledger.published.bulk"
#: The ledger's counts as JSON (`LedgerCounts`), written by the fetcher after every change.
LEDGER_COUNTS_KEY = "ledger.counts"
#: What the rules leave out, as JSON (`IgnoredFiles`), written by the fetcher after every change.
LEDGER_IGNORED_KEY = "ledger.ignored"
#: Identity of the index that documents are settled into. A new one means the index was lost: feed it again.
INDEX_ID_KEY = "index.id"
