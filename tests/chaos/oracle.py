"""Knows every document that was fed in, and compares all places where it left a trace, in both directions."""

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import redis
from tantivy import Index, Query

from shared.streams import CONSUMER_GROUP, Stream
from tests.chaos.documents import Documents, word_of
from tests.services import Services

#: Documents searched for one by one; the index as a whole is compared besides.
SEARCHED = 500
#: Deliveries of a message, at most.
MOST_DELIVERIES = 3


class Oracle:
    """What must be the case in the end.

    Args:
        documents: those fed in.
        poison: messages that nobody can read, which are in quarantine, or lost with a wiped server.
    """

    def __init__(self, documents: Documents, poison: Sequence[bytes]) -> None:
        self._documents = documents
        self._good = documents.of_state("indexed")
        self._bad = documents.of_state("rejected")
        self._poison = {hashlib.sha256(Stream.FETCHED.encode() + body).hexdigest()[:32] for body in poison}

    def differences_running(self, services: Services) -> list[str]:
        """Compare what the running services answer."""
        status = services.status()
        must = {
            "accepted": len(self._documents), "indexed": len(self._good), "rejected": len(self._bad),
            "searchable": len(self._good), "duplicate": 0, "removed": 0,
        }  # fmt: skip
        wrong = [f"status: {key} is {status.get(key)}, not {n}" for key, n in must.items() if status.get(key) != n]
        step = max(1, len(self._good) // SEARCHED)
        for path, number in list(self._good.items())[::step]:
            hits = services.get("/search", q=word_of(number))["hits"]
            if [hit["source"]["path"] for hit in hits] != [path]:
                wrong.append(f"search: {word_of(number)} finds {len(hits)} documents")
        return wrong

    def differences_at_rest(self, data: Path) -> list[str]:
        """Compare ledger, store, index, quarantine and blobs of the services, which have ended."""
        ledger = _rows(data / "ledger/ledger.sqlite", "SELECT document_id, CAST(path AS TEXT), state FROM documents")
        store = dict(_rows(data / "index/documents.sqlite", "SELECT document_id, state FROM documents"))
        must = dict.fromkeys(self._good, "indexed") | dict.fromkeys(self._bad, "rejected")
        entered = {path: state for _, path, state in ledger}
        stored = {path: store.get(document_id, "lost") for document_id, path, _ in ledger}
        strangers = store.keys() - {document_id for document_id, _, _ in ledger} - self._poison
        indexed = _ids_in_index(data / "index/tantivy")
        must_be_indexed = {document_id for document_id, _, state in ledger if state == "indexed"}
        return [
            *(f"ledger: {p} is {entered.get(p)}, not {must.get(p)}" for p in _differing(entered, must)),
            *(f"store: {p} is {stored.get(p)}, not {must.get(p)}" for p in _differing(stored, must)),
            *(f"store: {document_id} is in no ledger" for document_id in strangers),
            *(f"index: {document_id} is there {n} times" for document_id, n in indexed.items() if n > 1),
            *(f"index: {document_id} is lost" for document_id in must_be_indexed - indexed.keys()),
            *(f"index: {document_id} is a stranger" for document_id in indexed.keys() - must_be_indexed),
            *self._of_blobs(data / "blobs"),
        ]

    def _of_blobs(self, blobs: Path) -> list[str]:
        numbers = range(len(self._documents))
        must = {hashlib.sha256(self._documents.text(n).encode()).hexdigest() for n in numbers}
        found = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in blobs.glob("??/*")}
        return [
            *(f"blobs: {name} is lost" for name in must - found.keys()),
            *(f"blobs: {name} is a stranger" for name in found.keys() - must),
            *(f"blobs: {name} is broken" for name, digest in found.items() if name != digest),
        ]


def left_over(url: str) -> list[str]:
    """Return what is still on a stream, or pending."""
    with redis.Redis.from_url(url) as client:
        lengths = {stream: client.xlen(stream) for stream in Stream}
        pending = {s: client.xpending(s, CONSUMER_GROUP[s])["pending"] for s in Stream if client.exists(s)}
    return [f"{s}: {n} entries left" for s, n in lengths.items() if n] + [
        f"{s}: {n} pending" for s, n in pending.items() if n
    ]


def rejected_by_chance(services: Services, documents: Documents) -> list[dict[str, Any]]:
    """Return good documents that are in quarantine, because three workers were killed that had them in hand.

    Raises:
        AssertionError: a document is in quarantine after more than three deliveries.
    """
    bad, found, offset = documents.of_state("rejected"), [], 0
    while page := services.get("/quarantine", limit=100, offset=offset)["quarantined"]:
        offset += len(page)
        for one in page:
            assert one["deliveries"] <= MOST_DELIVERIES + 1, one  # the last is not a try: it goes to quarantine unseen
            if one["source"] and one["source"]["path"] not in bad:
                assert "workers died" in one["reason"], one
                found.append(one)
    return found


def _ids_in_index(folder: Path) -> Counter[str]:
    index = Index.open(str(folder))
    searcher = index.searcher()
    hits = searcher.search(Query.all_query(), limit=max(1, searcher.num_docs)).hits
    return Counter(searcher.doc(address)["id"][0] for _, address in hits)


def _differing(a: dict[str, str], b: dict[str, str]) -> list[str]:
    return sorted(path for path in a.keys() | b.keys() if a.get(path) != b.get(path))


def _rows(database: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        return db.execute(query).fetchall()
