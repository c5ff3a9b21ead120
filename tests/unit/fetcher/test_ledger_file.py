"""A ledger outlives the software that made it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from services.fetcher.adapters.ledger import Ledger
from services.fetcher.adapters.ledger_entry import Lane
from services.fetcher.adapters.ledger_file import FIRST, STEPS, LedgerFile
from services.fetcher.domain.identity import Place
from shared.contracts import StageBacklog
from shared.errors import SetupError

IDLE = StageBacklog(fetcher=0, parser=0, indexer=0)


def first_version(folder: Path) -> None:
    """A ledger as the first version left it: one document indexed, one to be published."""
    with closing(sqlite3.connect(folder / "ledger.sqlite")) as db, db:
        db.executescript(FIRST)
        row = "INSERT INTO documents VALUES (?, ?, 1, ?, 'fetched', ?, ?, 3, 1, 1, 1, ?, NULL, NULL, ?, ?)"
        moment = "2026-01-02T03:04:05+00:00"
        db.execute(row, ("a" * 32, b"a.txt", "indexed", 7, 1, "a" * 64, moment, moment))
        db.execute(row, ("b" * 32, b"b.txt", "pending", 9, 0, "b" * 64, moment, moment))


def test_a_ledger_of_the_first_version_goes_on(tmp_path: Path) -> None:
    first_version(tmp_path)
    for _ in range(2):  # the second time there is nothing to change
        with closing(LedgerFile(tmp_path)) as file:
            ledger = Ledger(file)
            known = ledger.at(Place("inbox", b"a.txt"))
            counts = ledger.counts(IDLE)
            assert known is not None
            assert known.document_id == "a" * 32
            assert (counts.accepted, counts.indexed, counts.in_flight.total) == (2, 1, 1)
            assert ledger.files(Place("inbox", b"")) == 2
            assert ledger.last_published(Lane.FRESH) == 7
            assert [e.document_id for e in ledger.unpublished(Lane.FRESH, 9)] == ["b" * 32]


def test_a_ledger_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as db:
        db.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    with pytest.raises(SetupError, match="made by a newer version"):
        LedgerFile(tmp_path)


def test_changes_made_together_are_made_all_or_not_at_all(tmp_path: Path) -> None:
    with closing(LedgerFile(tmp_path)) as file:

        def fail() -> None:
            with file.together():
                file.remember("one", "1")
                with file.together():
                    file.remember("two", "2")
                raise ValueError("after both")

        with pytest.raises(ValueError, match="after both"):
            fail()
        assert (file.fact("one"), file.fact("two")) == (None, None)
