"""Inboxes that are not set up any more."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from services.fetcher.adapters.inbox import Reading
from services.fetcher.adapters.ledger import Ledger
from services.fetcher.adapters.ledger_entry import Lane
from services.fetcher.adapters.ledger_file import LedgerFile
from services.fetcher.adapters.sightings import Sightings
from services.fetcher.domain.identity import Place, Stamp
from services.fetcher.handlers import Librarian
from services.fetcher.outbox import Outbox
from services.fetcher.retired import STEP, RetiredInboxes
from shared.contracts import BlobRef


@pytest.fixture
def file(tmp_path: Path) -> Iterator[LedgerFile]:
    with closing(LedgerFile(tmp_path)) as file:
        yield file


async def test_what_was_not_found_elsewhere_goes(file: LedgerFile) -> None:
    ledger, sightings = Ledger(file), Sightings(file)
    librarian = Librarian(ledger, Outbox(ledger), lambda place: place.inbox == "old")

    def read(inbox: str, name: str, text: str) -> None:
        stamp, now = Stamp(1, time.time_ns(), 1, 1), time.time_ns()
        content = BlobRef(sha256=f"{hash(text) & (2**64 - 1):064x}", size=1)
        librarian.on_file_read(Place(inbox, name.encode()), Reading(stamp, now, content))

    for number in range(STEP + 5):
        read("old", f"{number}.txt", f"text {number}")
    read("web", "https://a.example/", "a page")
    sightings.ignore("old", [(b"a.tmp", "*.tmp")])
    moved = ledger.at(Place("old", b"0.txt"))
    looks = iter([False, True])

    def all_read() -> bool:
        if done := next(looks):
            read("wire", "0.txt", "text 0")
        return done

    await RetiredInboxes(ledger, sightings, librarian, {"wire", "web", "uploads"}, all_read).clear()

    assert ledger.inboxes() == ["web", "wire"]
    kept = ledger.at(Place("wire", b"0.txt"))
    assert kept
    assert moved
    assert (kept.document_id, kept.state) == (moved.document_id, "pending")
    assert sightings.ignored == 0
    changes = [entry.change for entry in ledger.unpublished(Lane.FRESH, 10_000)]
    assert changes.count("removed") == STEP + 4
