"""Documents and events the indexer's tests work with. The texts are made up."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from services.indexer.domain.documents import DocumentRecord
from services.indexer.domain.facets import NOT_COUNTED, Facets, counted, inbox_values, tag_values
from services.indexer.domain.query import SearchQuery
from services.indexer.domain.search_index import PageRequest, SearchHit, SearchPage
from shared.blobs import FilesystemBlobStore
from shared.claim_check import check_in
from shared.contracts import (
    BlobRef,
    CutBlock,
    DocumentDuplicated,
    DocumentMoved,
    DocumentParsed,
    DocumentRejected,
    DocumentRemoved,
    IgnoredFiles,
    LedgerCounts,
    ParsedDocument,
    Source,
    StageBacklog,
    StageTimes,
)

MOMENT = datetime(2026, 3, 14, 9, 26, tzinfo=UTC)
LATER = datetime(2026, 3, 14, 9, 27, tzinfo=UTC)
TIMES = StageTimes(accepted=MOMENT, fetched=MOMENT, parsed=MOMENT)
COUNTS = LedgerCounts(
    accepted=10, indexed=4, duplicate=1, rejected=1, removed=1, in_flight=StageBacklog(fetcher=0, parser=2, indexer=1),
    counted=MOMENT,
)  # fmt: skip
BODY = "The river Ondava rose two metres overnight.\n\nA ceasefire between the valley's towns still holds."

#: The file as version 1 of its schema made it.
FIRST_SCHEMA = """
CREATE TABLE documents (
    document_id TEXT PRIMARY KEY, sequence INTEGER NOT NULL, state TEXT NOT NULL, title TEXT,
    record BLOB NOT NULL, parsed BLOB
) STRICT;
CREATE INDEX newest ON documents (sequence);
CREATE INDEX newest_of_state ON documents (state, sequence);
CREATE TABLE unconfirmed (document_id TEXT PRIMARY KEY) STRICT;
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
INSERT INTO facts VALUES ('index_id', 'that of the first version');
PRAGMA user_version = 1;
"""


def an_id(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def article(title: str = "High water in the valley", body: str = BODY, **facts: Any) -> ParsedDocument:
    cut = (CutBlock(text="Share this", kind="navigation", reason="few words", score=-2.5),)
    facts = {"language": "en", "media_type": "text/plain", "extractor": "text", "cut": cut, **facts}
    return ParsedDocument(title=title, body=body, **facts)


def content_of(name: str) -> BlobRef:
    return BlobRef(sha256=hashlib.sha256(name.encode()).hexdigest(), size=1_234, media_type="text/plain")


def record(name: str = "a", sequence: int = 1, **changes: Any) -> DocumentRecord:
    facts = {"state": "indexed", "source": Source(path=f"{name}.txt"), "times": TIMES, "parsed": article()}
    return DocumentRecord.model_validate(
        {"document_id": an_id(name), "sequence": sequence, "content": content_of(name), **facts, **changes}
    )


def parsed(
    name: str = "a", sequence: int = 1, document: ParsedDocument | None = None, blobs: Path = Path()
) -> DocumentParsed:
    claim = check_in(document or article(), FilesystemBlobStore(blobs))
    return DocumentParsed(
        document_id=an_id(name), sequence=sequence, source=Source(path=f"{name}.txt"), content=content_of(name),
        modified=MOMENT, times=TIMES, parser_version="7", parsed=claim,
    )  # fmt: skip


def moved(name: str, sequence: int, path: str) -> DocumentMoved:
    return DocumentMoved(document_id=an_id(name), sequence=sequence, source=Source(path=path))


def removed(name: str, sequence: int) -> DocumentRemoved:
    return DocumentRemoved(document_id=an_id(name), sequence=sequence, source=Source(path=f"{name}.txt"))


def duplicated(name: str, sequence: int, original: str) -> DocumentDuplicated:
    return DocumentDuplicated(
        document_id=an_id(name), sequence=sequence, source=Source(path=f"{name}.txt"), content=content_of(original),
        duplicate_of=an_id(original), times=TIMES,
    )  # fmt: skip


def rejected(name: str, sequence: int, **facts: Any) -> DocumentRejected:
    facts = {"stage": "parser", "reason": "The file is empty.", "rejected": LATER, **facts}
    return DocumentRejected(document_id=an_id(name), sequence=sequence, **facts)


def quarantined(name: str, sequence: int = 1, **facts: Any) -> DocumentRecord:
    rejection = rejected(name, sequence, source=Source(path=f"{name}.txt"), content=content_of(name), **facts)
    return record(name, sequence, state="rejected", parsed=None, rejection=rejection, times=None)


class Outside:
    """Stands for what the fetcher counts and ignores, and the streams, which have room for so many messages."""

    def __init__(self) -> None:
        self.latest: LedgerCounts | None = COUNTS
        self.left_out: IgnoredFiles | None = None
        self.replayed: list[DocumentRejected] = []
        self.room = 1_000_000
        self.failure: Exception | None = None

    async def counts(self) -> LedgerCounts | None:
        return self.latest

    async def ignored(self) -> IgnoredFiles | None:
        return self.left_out

    async def replay(self, rejections: Sequence[DocumentRejected]) -> int:
        if self.failure:
            raise self.failure
        taken = rejections[: self.room]
        self.replayed += taken
        self.room -= len(taken)
        return len(taken)


class FakeSearchIndex:
    """Remembers what it was given; finds everything, narrowed as it is asked; fails when told to."""

    def __init__(self) -> None:
        self.documents: dict[str, DocumentRecord] = {}
        self.writes = 0
        self.failure: Exception | None = None
        self.unindexable: set[str] = set()

    def write(self, upserts: Sequence[DocumentRecord], deletes: Sequence[str]) -> None:
        if self.failure:
            raise self.failure
        if spoilt := self.unindexable.intersection(r.document_id for r in upserts):
            raise ValueError(f"cannot be indexed: {spoilt}")
        self.writes += 1
        self.documents |= {r.document_id: r for r in upserts}
        for document_id in deletes:
            self.documents.pop(document_id, None)

    def search(self, query: SearchQuery, page: PageRequest) -> SearchPage:
        narrowing = page.narrowing
        found = [
            r
            for r in self.documents.values()
            if (query.root or narrowing)
            and (not narrowing.inboxes or set(narrowing.inboxes).intersection(inbox_values(_sources(r))))
            and set(narrowing.tags).issubset(tag_values(_sources(r)))
        ]
        hits = tuple(SearchHit(r.document_id, 1.0) for r in found[page.offset : page.offset + page.limit])
        inboxes = Counter(value for r in found for value in inbox_values(_sources(r)))
        tags = Counter(value for r in found for value in tag_values(_sources(r)))
        facets = Facets(counted(inboxes.items()), counted(tags.items())) if page.facets else NOT_COUNTED
        return SearchPage(len(found), hits, facets)

    def count(self) -> int:
        return len(self.documents)


def _sources(record: DocumentRecord) -> list[Source]:
    return [record.source] if record.source else []
