"""Knows every document that was fed in, and compares all places where it left a trace, in both directions."""

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.services import Services


def word_of(number: int) -> str:
    """A word that stands in this document only."""
    return f"tally{number:06d}mark"


def text_of(number: int) -> str:
    """The document's text; every hundredth one is empty, and has to be rejected."""
    if is_bad(number):
        return " " * (number + 1)
    return (
        f"Report number {number} from the harbour\n\n"
        f"The harbour master counted the boats again on Monday and wrote {word_of(number)} into the book.\n"
        "Nobody had expected that the ferry would leave before the fog was gone, he told the newspaper.\n"
    )


def is_bad(number: int) -> bool:
    """Whether this document is to be rejected."""
    return number % 100 == 99


def path_of(number: int) -> str:
    """The document's path in the inbox."""
    return f"{number // 1000:03d}/{number:06d}.txt"


class Oracle:
    """What must be the case for documents 0 to `documents` - 1."""

    def __init__(self, documents: int) -> None:
        self.good = {path_of(n): n for n in range(documents) if not is_bad(n)}
        self.bad = {path_of(n): n for n in range(documents) if is_bad(n)}

    def faults(self, services: Services, folder: Path) -> list[str]:
        """Return every difference between what must be and what is."""
        return [
            *self._of_status(services.status()),
            *self._of_searches(services),
            *self._of_files(folder / "data"),
            *self._of_blobs(folder / "data" / "blobs"),
        ]

    def _of_status(self, status: dict[str, Any]) -> list[str]:
        must = {
            "accepted": len(self.good) + len(self.bad), "indexed": len(self.good), "rejected": len(self.bad),
            "searchable": len(self.good), "duplicate": 0, "removed": 0,
        }  # fmt: skip
        return [f"status: {key} is {status.get(key)}, not {n}" for key, n in must.items() if status.get(key) != n]

    def _of_searches(self, services: Services) -> list[str]:
        step = max(1, len(self.good) // 500)
        wrong = []
        for path, number in list(self.good.items())[::step]:
            hits = services.get("/search", q=word_of(number))["hits"]
            if [hit["source"]["path"] for hit in hits] != [path]:
                wrong.append(f"search: {word_of(number)} finds {len(hits)} documents")
        return wrong

    def _of_files(self, data: Path) -> list[str]:
        ledger = _rows(
            data / "ledger" / "ledger.sqlite", "SELECT document_id, CAST(path AS TEXT), state FROM documents"
        )
        store = _rows(data / "index" / "documents.sqlite", "SELECT document_id, state FROM documents")
        states = dict(store)
        must = dict.fromkeys(self.good, "indexed") | dict.fromkeys(self.bad, "rejected")
        entered = {path: state for _, path, state in ledger}
        stored = {path: states.get(document_id, "lost") for document_id, path, _ in ledger}
        strangers = {document_id for document_id, _ in store} - {document_id for document_id, _, _ in ledger}
        return [
            *(f"ledger: {p} is {entered.get(p)}, not {must.get(p)}" for p in _differing(entered, must)),
            *(f"store: {p} is {stored.get(p)}, not {must.get(p)}" for p in _differing(stored, must)),
            *(f"store: {document_id} is in no ledger" for document_id in strangers),
        ]

    def _of_blobs(self, blobs: Path) -> list[str]:
        must = {hashlib.sha256(text_of(n).encode()).hexdigest() for n in (*self.good.values(), *self.bad.values())}
        stored = {file.name for file in blobs.glob("??/*")}
        broken = [f.name for f in blobs.glob("??/*") if hashlib.sha256(f.read_bytes()).hexdigest() != f.name]
        return [f"blobs: {len(must - stored)} missing"] * bool(must - stored) + [f"blob {b} broken" for b in broken]


def _differing(a: dict[str, str], b: dict[str, str]) -> list[str]:
    return sorted(path for path in a.keys() | b.keys() if a.get(path) != b.get(path))


def _rows(database: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        return db.execute(query).fetchall()
