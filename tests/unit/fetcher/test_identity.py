"""Which document a file is, and how its path is shown."""

import os
import sqlite3
from dataclasses import astuple

import pytest

from services.fetcher.domain.identity import MOST_SHOWN, MOST_TAGS, Place, Stamp, document_id_of, readable, tags_of


def test_a_document_is_named_after_the_place_it_was_first_seen_at() -> None:
    place = Place("wire", b"news/ferry.txt")
    assert document_id_of(place) == document_id_of(Place("wire", b"news/ferry.txt"))
    others = [Place("blogs", b"news/ferry.txt"), Place("wire", b"news"), Place("wire", b"ferry.txt")]
    ids = {document_id_of(place), document_id_of(place, salt=1), document_id_of(place, salt=2)}
    assert len(ids | {document_id_of(other) for other in others}) == 6


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("été.txt".encode(), "été.txt"),
        (b"\xff.txt", "\\xff.txt"),
        (b"two\nlines.txt", "two\\nlines.txt"),
        (b"\x1b[31mred.txt", "\\x1b[31mred.txt"),
        ("\u202efdp.exe".encode(), "\\u202efdp.exe"),
        ("می\u200cخواهم.txt".encode(), "می\u200cخواهم.txt"),  # a joiner that Persian is written with
    ],
)
def test_any_name_can_be_shown_and_none_misleads(path: bytes, shown: str) -> None:
    assert readable(path) == shown


def test_what_is_shown_has_a_bound() -> None:
    assert len(readable(b"\xff" * 10_000)) == MOST_SHOWN


def test_the_folders_of_a_file_are_its_tags() -> None:
    assert tags_of(b"wire/2026/wire/ferry.txt") == ("wire", "2026")
    assert tags_of(b"ferry.txt") == ()
    assert len(tags_of(b"".join(b"%d/" % i for i in range(200)) + b"a")) == MOST_TAGS


@pytest.mark.parametrize("number", [0, -1, 1 << 62, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])
def test_whatever_a_file_system_says_fits_into_a_database(number: int) -> None:
    """A date after 2262 has too many nanoseconds; some file systems number their files from the end."""
    status = os.stat_result(
        (0, abs(number), 0, 1, 0, 0, 5, 0, 0, 0), {"st_mtime_ns": 9 * number, "st_ctime_ns": number}
    )
    stamp = Stamp.of(status)
    assert sqlite3.connect(":memory:").execute("SELECT ?, ?, ?, ?", astuple(stamp)).fetchone() == astuple(stamp)
    assert stamp != Stamp.of(
        os.stat_result((0, abs(number) ^ 1, *status[2:]), {"st_mtime_ns": 9 * number, "st_ctime_ns": number})
    )
