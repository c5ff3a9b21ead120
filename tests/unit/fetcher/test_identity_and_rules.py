"""Which document a file is, and which files are none."""

import pytest

from services.fetcher.domain.identity import document_id_of, readable
from services.fetcher.domain.rules import ignored


def test_a_document_is_named_after_the_path_it_was_first_seen_at() -> None:
    assert document_id_of(b"news/ferry.txt") == document_id_of(b"news/ferry.txt")
    ids = {document_id_of(b"a"), document_id_of(b"b"), document_id_of(b"a", salt=1), document_id_of(b"a", salt=2)}
    assert len(ids) == 4


@pytest.mark.parametrize(
    ("path", "shown"),
    [("été.txt".encode(), "été.txt"), (b"\xff.txt", "\\xff.txt"), (b"two\nlines.txt", "two\\nlines.txt")],
)
def test_any_name_can_be_shown(path: bytes, shown: str) -> None:
    assert readable(path) == shown


@pytest.mark.parametrize("path", [b".hidden", b"a/.git/b.txt", b"x.part", b"~$letter.docx", b"Thumbs.db", b"a.txt~"])
def test_what_programs_leave_while_they_work_is_ignored(path: bytes) -> None:
    assert ignored(path)


@pytest.mark.parametrize("path", [b"a.txt", b"part.html", b"news/2026/x", b"\xff\xfe", b"no-extension"])
def test_any_other_file_is_a_document(path: bytes) -> None:
    assert not ignored(path)
