"""Which document a file is, and how its path is shown."""

import pytest

from services.fetcher.domain.identity import MOST_SHOWN, MOST_TAGS, Place, document_id_of, readable, tags_of


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
