"""Full text in tantivy, embedded: one writer, no server. Holds words and ids; the documents are in the `DocumentStore`.

The engine's own query parser is never used (it can be made to crash the process), and every number it is given is
bounded here: a page of 2**40 hits aborts the process.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tantivy import Document, Index, IndexWriter, Schema, SchemaBuilder, TextAnalyzerBuilder, Tokenizer

from services.indexer.adapters.tantivy_facets import count_facets
from services.indexer.adapters.tantivy_query import compile_query
from services.indexer.domain.documents import DocumentRecord
from services.indexer.domain.facets import NOT_COUNTED, inbox_values, tag_values
from services.indexer.domain.query import SearchQuery
from services.indexer.domain.search_index import PageRequest, SearchHit, SearchPage
from services.indexer.domain.words import WORDS_VERSION, words
from shared.contracts import Source
from shared.errors import SetupError, TransientError

#: Bytes the writer collects before it writes a segment; below 15 MB a thread the engine refuses.
HEAP = 64_000_000
#: More threads make more segments a commit, and so more merging: 82 s instead of 65 s of CPU for 100,000 documents.
THREADS = 1
#: Splits at spaces: `domain.words` has made the words. Its version is in the schema, so another one does not open.
ANALYZER = f"words{WORDS_VERSION}"
MOST_HITS = 1_000
DEEPEST_OFFSET = 10_000

#: Where else the bytes of documents lie, by id.
Places = Callable[[Sequence[str]], Mapping[str, Sequence[Source]]]


class TantivyIndex:
    """A `SearchIndex` in one folder. `write` is called from one thread at a time, all else from any.

    A document is found by the inboxes and tags of its own place and of all `places`.

    Raises:
        ValueError: the folder holds no index of this schema that can be read.
        SetupError: another process writes to it.
    """

    def __init__(self, folder: Path, places: Places = lambda _: {}) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._schema = _schema()
        self._places = places
        self._index = _open(folder, self._schema)
        self._writer: IndexWriter | None = None
        try:
            self._open_writer()
        except ValueError as error:
            if "LockBusy" in str(error):
                raise SetupError(f"the search index {folder} is in use by another process; stop that one") from error
            raise
        self.count()

    def write(self, upserts: Sequence[DocumentRecord], deletes: Sequence[str]) -> None:
        """Make the changes durable and searchable, in one commit; of two upserts of a document the last wins.

        Raises:
            TransientError: the disk did not take them; nothing of the batch is searchable.
        """
        places = self._places([record.document_id for record in upserts])
        latest = {record.document_id: _document(record, places.get(record.document_id, ())) for record in upserts}
        try:
            self._write(latest, deletes)
        except BaseException as error:
            self.close()  # forgets what was not committed, and whatever state the failure left
            if _is_panic(error):
                raise RuntimeError(f"the search engine failed: {error}") from error
            raise

    def _write(self, latest: Mapping[str, Document], deletes: Sequence[str]) -> None:
        try:
            for document_id in {*latest, *deletes}:
                self._open_writer().delete_documents_by_term("id", document_id)
            for document in latest.values():
                self._open_writer().add_document(document)
        except (ValueError, OSError) as error:  # the documents were made before: these are the disk's
            raise TransientError(f"the search index does not take documents: {error}") from error
        self._commit()

    def clear(self) -> None:
        """Forget all documents. Raises `TransientError` when the disk does not take it."""
        self._open_writer().delete_all_documents()
        self._commit()

    def search(self, query: SearchQuery, page: PageRequest) -> SearchPage:
        """Return the matches of the page, and how many there are in all."""
        searcher = self._index.searcher()
        compiled = compile_query(self._schema, query, page)
        found = searcher.search(
            compiled,
            limit=max(1, min(page.limit, MOST_HITS)),
            offset=max(0, min(page.offset, DEEPEST_OFFSET)),
            order_by_field="newest" if page.sort == "newest" else None,
        )
        ids = (searcher.doc(address)["id"][0] for _, address in found.hits)
        scores = (None if page.sort == "newest" else float(score) for score, _ in found.hits)
        hits = tuple(SearchHit(document_id, score) for document_id, score in zip(ids, scores, strict=True))
        total: int = found.count  # type: ignore[attr-defined]  # missing in its stubs
        facets = count_facets(searcher, compiled) if page.facets and total else NOT_COUNTED
        return SearchPage(total, hits, facets)

    def count(self) -> int:
        """How many documents can be found."""
        return self._index.searcher().num_docs

    def close(self) -> None:
        """Let another process write; this one opens the writer again when it has something to write."""
        self._writer = None

    def _commit(self) -> None:
        try:
            self._open_writer().commit()
            self._index.reload()  # the engine by itself would look for the commit half a second later
        except (ValueError, OSError) as error:
            raise TransientError(f"the search index does not take documents: {error}") from error

    def _open_writer(self) -> IndexWriter:
        # Never kept in a local variable: a traceback would hold it, and the folder's lock with it.
        if self._writer is None:
            self._writer = self._index.writer(HEAP, THREADS)
            # A killed process leaves files of a commit that never was; the next one would fail on their names.
            self._writer.garbage_collect_files()
        return self._writer


def _schema() -> Schema:
    builder = SchemaBuilder()
    builder.add_text_field("id", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("title", tokenizer_name=ANALYZER)
    builder.add_text_field("body", tokenizer_name=ANALYZER)
    builder.add_text_field("language", tokenizer_name="raw", index_option="basic")
    for facet in ("inbox", "tag"):
        builder.add_text_field(facet, tokenizer_name="raw", index_option="basic", fast=True)
    builder.add_unsigned_field("newest", fast=True)  # milliseconds: the engine's own dates end in 2262
    return builder.build()


def _open(folder: Path, schema: Schema) -> Index:
    """Open or make the index; the one place, because the engine forgets analyzers between opens."""
    index = Index(schema, path=str(folder))
    index.register_tokenizer(ANALYZER, TextAnalyzerBuilder(Tokenizer.whitespace()).build())
    index.config_reader("manual")
    return index


def _document(record: DocumentRecord, elsewhere: Sequence[Source]) -> Document:
    document = Document()
    sources = [*([record.source] if record.source else []), *elsewhere]
    document.add_text("id", record.document_id)
    document.add_unsigned("newest", _newest(record))
    for inbox in inbox_values(sources):
        document.add_text("inbox", inbox)
    for tag in tag_values(sources):
        document.add_text("tag", tag)
    if record.parsed:
        document.add_text("title", " ".join(words(record.parsed.title or "")))
        document.add_text("body", " ".join(words(record.parsed.body)))
        document.add_text("language", record.parsed.language or "")
    return document


def _newest(record: DocumentRecord) -> int:
    """When it was published, or else when it came; 0 for what is older than 1970 or has no date."""
    moment = (record.parsed.published if record.parsed else None) or (record.times.accepted if record.times else None)
    return max(0, int(moment.timestamp() * 1_000)) if moment else 0


def _is_panic(error: BaseException) -> bool:
    return type(error).__name__ == "PanicException"  # derives from BaseException, and cannot be imported
