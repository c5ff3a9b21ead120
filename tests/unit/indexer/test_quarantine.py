"""The quarantine in the store: its groups, its pages, and files made before it was there."""

import sqlite3
import time
import zlib
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.indexer.adapters.documents import SqliteDocumentStore
from services.indexer.domain.quarantine import LONGEST_CLASS, QuarantineFilter, reason_class, remedy
from shared.contracts import Source
from shared.errors import SetupError
from tests.unit.indexer.desk import FIRST_SCHEMA, LATER, an_id, quarantined, record, rejected

ALL = QuarantineFilter()
KEPT: dict[str, Any] = {"stream": "documents.parsed", "message": "AAAA"}

NUMBERS = """
CREATE TEMP TABLE number AS
WITH RECURSIVE counter (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM counter WHERE value < 100000)
SELECT printf('%032x', value) AS id, value FROM counter
"""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "The file is too large: 123,456 bytes, and the limit is 100 (DATELINE_MAX_FILE_BYTES).",
            "The file is too large: 9 bytes, and the limit is 8 (DATELINE_MAX_FILE_BYTES).",
        ),
        ("Dateline failed (KeyError: 'name'); it can", "Dateline failed (KeyError: 'owner of it'); it can"),
        ("It is at 0x7f3a2b10 now", "It is at 0x1100aabb now"),
    ],
)
def test_reasons_that_differ_in_details_are_of_one_class(one: str, other: str) -> None:
    """Numbers, quotations and addresses are a document's own."""
    assert reason_class(one) == reason_class(other)


def test_reasons_that_differ_in_words_are_of_two_classes() -> None:
    """An apostrophe quotes nothing."""
    reasons = ("It's the owner's file", "It's the sender's file", "Dateline failed (KeyError: 'a')", "(TypeError: 'a')")

    assert len(reasons) == len({reason_class(reason) for reason in reasons})


@given(st.text(st.sampled_from("aN1.,:'\"“”…x0f \n-("), max_size=400))
def test_a_class_is_its_own_class(reason: str) -> None:
    """So that a filter takes a class or any reason of it."""
    once = reason_class(reason)

    assert once == reason_class(once)
    assert len(once) <= LONGEST_CLASS


def test_rejections_are_grouped_by_reason_and_stage(store: SqliteDocumentStore) -> None:
    """The largest group first, with what it takes to decide over it."""
    late = LATER + timedelta(seconds=1)
    store.put_many(
        [
            quarantined("a", reason="This is 1 thing", rejected=late, **KEPT),
            quarantined("b", reason="This is 22 thing", stage="fetcher"),
            quarantined("c"),
            record("d"),
        ]
    )
    total, (things, empty) = store.quarantine.groups(ALL)

    assert total == 2
    assert ("This is N thing", 2, 1, ("fetcher", "parser")) == (
        things.reason, things.count, things.replayable, things.stages,
    )  # fmt: skip
    assert (late, LATER) == (things.newest, empty.newest)
    assert [1] == [group.count for group in store.quarantine.groups(QuarantineFilter(stage="fetcher"))[1]]


def test_pages_show_the_last_rejected_first(store: SqliteDocumentStore) -> None:
    """Whatever the order in which the documents came."""
    for second, name in enumerate("abcd"):
        store.put_many([quarantined(name, 9 - second, rejected=LATER + timedelta(seconds=second))])
    total, page = store.quarantine.newest(ALL, limit=2, offset=1)

    assert total == 4
    assert [an_id("c"), an_id("b")] == [rejection.document_id for rejection in page]


def test_a_filter_takes_any_reason_of_the_class(store: SqliteDocumentStore) -> None:
    """The stage has to fit, too."""
    store.put_many(
        [quarantined("a", reason="It has 7 legs"), quarantined("b", reason="It has 8 legs", stage="fetcher")]
    )

    for reason in ("It has 9 legs", "It has N legs"):
        assert store.quarantine.count(QuarantineFilter(reason)) == 2
    assert store.quarantine.count(QuarantineFilter("It has 9 legs", "parser")) == 1


def test_a_document_is_in_quarantine_once_and_leaves_it_with_another_state(store: SqliteDocumentStore) -> None:
    """The second rejection takes the place of the first."""
    store.put_many([quarantined("a", reason="First")])
    store.put_many([quarantined("a", reason="Second")])
    assert ["Second"] == [group.reason for group in store.quarantine.groups(ALL)[1]]

    store.put_many([record("a")])
    assert (0, []) == store.quarantine.newest(ALL, 10, 0)


def test_one_rejected_again_is_not_forgotten(store: SqliteDocumentStore) -> None:
    """The replay that forgets it may be slower than its next failure."""
    first, again = rejected("a", 0, **KEPT), rejected("a", 0, **KEPT, rejected=LATER + timedelta(microseconds=1))
    store.put_many([quarantined("a", 0, rejected=again.rejected, **KEPT), quarantined("b", 0, **KEPT)])
    store.forget([first, rejected("b", 0, **KEPT)])

    assert [an_id("a")] == [r.document_id for r in store.quarantine.newest(ALL, 10, 0)[1]]
    assert store.get(an_id("b")) is None


def test_one_that_has_moved_tells_of_its_new_place(store: SqliteDocumentStore) -> None:
    """Its replay has to be as new as the move, or it would come late."""
    moved = quarantined("a", 1, **KEPT).model_copy(update={"sequence": 2, "source": Source(path="there.txt")})
    store.put_many([moved])
    (rejection,) = store.quarantine.replayable(ALL, "", 10)

    assert (2, Source(path="there.txt")) == (rejection.sequence, rejection.source)


def test_a_file_of_the_first_version_is_brought_up_to_date(tmp_path: Path) -> None:
    """With what is in quarantine, and with its identity: another one would have everything fed again."""
    records = [quarantined("a", reason="It has 7 legs", **KEPT), record("b")]
    with closing(sqlite3.connect(tmp_path / "documents.sqlite")) as db, db:
        db.executescript(FIRST_SCHEMA)
        for old in records:
            row = (old.document_id, old.sequence, old.state, zlib.compress(old.model_dump_json().encode()))
            db.execute("INSERT INTO documents (document_id, sequence, state, record) VALUES (?, ?, ?, ?)", row)
    for _ in range(2):  # it is up to date after the first
        with closing(SqliteDocumentStore(tmp_path)) as store:
            assert ["It has N legs"] == [group.reason for group in store.quarantine.groups(ALL)[1]]
            assert [records[0].rejection] == store.quarantine.replayable(ALL, "", 10)
            assert store.index_id == "that of the first version"


def test_a_failed_update_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """The version before can still read it."""
    with closing(sqlite3.connect(tmp_path / "documents.sqlite")) as db, db:
        db.executescript(FIRST_SCHEMA)
        broken = (an_id("a"), zlib.compress(b'{"rejection": {"reason": "with nothing else"}}'))
        db.execute("INSERT INTO documents (document_id, sequence, state, record) VALUES (?, 1, 'rejected', ?)", broken)
    with pytest.raises(SetupError, match="cannot be read"):
        SqliteDocumentStore(tmp_path)

    with closing(sqlite3.connect(tmp_path / "documents.sqlite")) as db:
        assert (1,) == db.execute("PRAGMA user_version").fetchone()
        assert [] == db.execute("SELECT name FROM sqlite_master WHERE name = 'quarantine'").fetchall()


def test_a_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    """It is not touched."""
    with closing(sqlite3.connect(tmp_path / "documents.sqlite")) as db:
        db.execute("PRAGMA user_version = 99")

    with pytest.raises(SetupError, match="newer version"):
        SqliteDocumentStore(tmp_path)


def test_a_hundred_thousand_rejections_are_grouped_and_paged_from_the_indexes(
    store: SqliteDocumentStore, tmp_path: Path
) -> None:
    """A page asks every few seconds: decoding all the records would take twenty times as long as this may."""
    store.put_many([quarantined("a", **KEPT)])
    with closing(sqlite3.connect(tmp_path / "documents.sqlite")) as db, db:
        db.execute(NUMBERS)
        db.execute("INSERT INTO documents SELECT id, 1, 'rejected', NULL, record, NULL FROM number, documents")
        db.execute(
            "INSERT INTO quarantine SELECT id, 'Reason ' || char(97 + value % 20), 'parser', 1, "
            "'2026-01-01T00:00:00.' || printf('%06d', value) || '+00:00' FROM number"
        )
    begin = time.perf_counter()
    total, groups = store.quarantine.groups(ALL)
    count, page = store.quarantine.newest(QuarantineFilter("Reason d"), 100, 4_900)
    rest = store.quarantine.replayable(QuarantineFilter("Reason d"), f"{50_000:032x}", 200)
    seconds = time.perf_counter() - begin

    assert (21, 5_000, 5_000, 100, 200) == (total, groups[0].count, count, len(page), len(rest))
    assert seconds < 1


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"stage": "fetcher"}, "Mend or replace the file"),
        (KEPT, "The file is at fault"),
        ({**KEPT, "error": "Traceback …"}, "update Dateline, then replay"),
        ({"stream": "a stream of long ago", "message": "AAAA"}, "Nothing was kept"),
    ],
)
def test_every_rejection_says_what_can_be_done(facts: dict[str, str], words: str) -> None:
    """In words, for the person who reads it."""
    assert words in remedy(rejected("a", 1, **facts))
