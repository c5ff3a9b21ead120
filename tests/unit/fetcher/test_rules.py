"""Which files are none of ours: names that programs leave while they work, and what people write into ignore files."""

import pytest

from services.fetcher.domain.rules import MOST_LINES, Rules


def rules(**files: str) -> Rules:
    """Return the rules with ignore files: of the inbox itself (`top`), or of a folder."""
    made = Rules()
    for folder, content in files.items():
        made.read(b"" if folder == "top" else folder.encode(), content.encode())
    return made


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        (b".hidden", ".*"), (b"a/.git/", ".*"), (b"a/.git/b.txt", ".*"), (b"x.part", "*.part"),
        (b"~$letter.docx", "~$*"), (b"Thumbs.db", "Thumbs.db"), (b"a.txt~", "*~"), (b"__MACOSX/", "__MACOSX/"),
        (b"#recycle/a.txt", "\\#recycle/"), (b"Icon\r", "Icon?"),
    ],
)  # fmt: skip
def test_what_programs_leave_while_they_work_is_ignored_and_the_pattern_is_told(path: bytes, rule: str) -> None:
    assert Rules().ignoring(path) == rule


@pytest.mark.parametrize("path", [b"a.txt", b"part.html", b"news/2026/x", b"\xff\xfe", b"no-extension", b"a\nb.txt"])
def test_any_other_file_is_a_document(path: bytes) -> None:
    assert Rules().ignoring(path) is None


def test_an_ignore_file_speaks_as_git_s_does() -> None:
    made = rules(top="# drafts are nobody's business\n\n*.log\n!keep.log\nprivate/\n/top.txt\n")
    ignored = {b"a.log", b"x/a.log", b"private/a.txt", b"x/private/", b"top.txt"}
    taken = {b"keep.log", b"x/keep.log", b"x/top.txt", b"private"}
    assert {path for path in ignored | taken if made.ignoring(path)} == ignored


def test_a_folder_s_own_patterns_come_after_those_of_the_folders_above_and_reach_no_further() -> None:
    made = rules(top="*.log\n", wire="!a.log\n*.txt\n")
    assert [made.ignoring(p) for p in (b"wire/a.log", b"wire/deep/a.log", b"wire/b.log")] == [None, None, "*.log"]
    assert [made.ignoring(p) for p in (b"wire/b.txt", b"b.txt", b"a.log", b"wires/b.txt")] == [
        "*.txt", None, "*.log", None,
    ]  # fmt: skip


def test_a_default_can_be_taken_back() -> None:
    assert rules(top="!.well-known\n!*.tmp\n").ignoring(b"a.tmp") is None


def test_a_line_that_is_no_pattern_is_passed_over_and_told() -> None:
    made = rules(top="*.log\n!\n")
    assert made.ignoring(b"a.log") == "*.log"
    (fault,) = made.faults(b"")
    assert fault.startswith("line 2 is no pattern and is passed over: '!'")


def test_the_version_grows_with_every_change_and_only_then() -> None:
    made = Rules()
    versions = []
    for content in (b"*.log\n", b"*.log\n", b"*.txt\n", None, None):
        made.read(b"wire", content)
        versions.append(made.version)
    assert versions == [1, 1, 2, 3, 3]


def test_bytes_that_are_no_text_and_endless_files_do_no_harm() -> None:
    made = Rules()
    made.read(b"", b"\xff\xfe\n*.log\n" + b"a\n" * MOST_LINES + b"*.txt\n")
    assert (made.ignoring(b"x.log"), made.ignoring(b"x.txt")) == ("*.log", None)
