"""Which files are none of ours: names that programs leave while they work, and what people write into ignore files."""

import random
import time

import pytest
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from services.fetcher.domain.ignore_pattern import ignore_pattern
from services.fetcher.domain.rules import MOST_FILES, MOST_LINES, MOST_WILDCARD_BYTES, Rules

#: What patterns and paths of the comparison with pathspec are made of.
PARTS = ("a", "b", "*", "*", "?", "/", "/", "**", "**/", "/**/", "[ab]", "[a-c]", "\\*", ".", " ")
#: Seconds a path may take the event loop; they are tens of milliseconds, and machines differ.
BOUND = 0.5


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
        (b"#recycle/a.txt", "\\#recycle/"), (b"a/Icon\r", "Icon[\r]"),
    ],
)  # fmt: skip
def test_what_programs_leave_while_they_work_is_ignored_and_the_pattern_is_told(path: bytes, rule: str) -> None:
    assert Rules().ignoring(path) == rule


@pytest.mark.parametrize(
    "path", [b"a.txt", b"part.html", b"news/2026/x", b"\xff\xfe", b"no-extension", b"a\nb.txt", b"Icons/", b"Icon"]
)
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


def test_what_a_pattern_matches_is_what_pathspec_says() -> None:
    """And by which of its parts: one of a folder above yields to one of the file itself."""

    def matched(pattern: GitIgnoreSpecPattern, path: str) -> bool | None:
        found = pattern.match_file(path)
        return found and bool(found.match.groupdict().get("ps_d"))

    chance = random.Random(7)
    for _ in range(3_000):
        line = "".join(chance.choices(PARTS, k=chance.randint(1, 9)))
        path = "/".join("".join(chance.choices("aab.c* ", k=chance.randint(1, 4))) for _ in range(chance.randint(1, 5)))
        theirs, ours = GitIgnoreSpecPattern(line), ignore_pattern(line)
        assert (line, path, matched(theirs, path)) == (line, path, matched(ours, path))


@pytest.mark.parametrize(
    ("pattern", "taken", "left_out"),
    [
        ("[!a]b", [b"ab", b"x/b"], [b"bb"]), ("x[+-9]y", [b"x/y"], [b"x1y"]), ("[a--b]", [b"a"], []),
        ("[[a]x", [b"bx"], [b"[x", b"ax"]), ("[]-]x", [b"ax"], [b"]x", b"-x"]), ("a\\[b", [b"ab"], [b"a[b"]),
        ("*.log", [b"a.log\n"], [b"a\n/b.log"]),
    ],
)  # fmt: skip
def test_a_class_of_characters_is_git_s_and_crosses_no_slash(
    pattern: str, taken: list[bytes], left_out: list[bytes]
) -> None:
    made = rules(top=f"{pattern}\n")
    assert [path for path in taken + left_out if made.ignoring(path)] == left_out


@pytest.mark.parametrize(
    "pattern",
    [
        "*a*a*a*a*b", "*a" * 500 + "b", "**/a" * 400 + "/**/b", "a/**/" * 300 + "b", "*" + "?" * 900 + "b",
        "**/*a*/" * 200 + "b", "[a-z]*" * 200 + "b",
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", [b"a" * 250, b"a/" * 2_047 + b"a", b"/".join([b"a" * 255] * 15)])
def test_no_pattern_holds_anybody_up(pattern: str, path: bytes) -> None:
    made = rules(top=f"{pattern}\n")
    begin = time.perf_counter()
    assert made.ignoring(path) is None
    assert time.perf_counter() - begin < BOUND


@pytest.mark.parametrize("pattern", ["b", "*ab", "**/*a/*a/*a/*b", "*" + "a" * 30 + "b*", "a/**/a/**/b"])
def test_no_number_of_patterns_does_either_and_those_passed_over_are_told(pattern: str) -> None:
    made = rules(top=f"{pattern}\n" * 2_000)
    begin = time.perf_counter()
    assert made.ignoring(b"/".join([b"a" * 15] * 255)) is None
    assert time.perf_counter() - begin < BOUND
    passed_over = f"the patterns with *, ? or [ have more than {MOST_WILDCARD_BYTES:,} bytes; from line "
    assert all(fault.startswith(passed_over) for fault in made.faults(b""))
    assert len(made.faults(b"")) == (pattern != "b")


def test_lines_beyond_the_last_are_told() -> None:
    assert rules(top="a\n" * (MOST_LINES + 1)).faults(b"") == ["what follows line 2,000 is passed over"]


def test_as_many_ignore_files_speak_of_a_path_as_take_no_time() -> None:
    """The upper ones; the others are told."""
    folders = [b"/".join([b"a"] * depth) for depth in range(MOST_FILES + 1)]
    made = Rules()
    for number, folder in enumerate(folders):
        made.read(folder, b"%d.txt\n" % number)
    assert made.ignoring(folders[-1] + b"/%d.txt" % (MOST_FILES - 1)) is not None
    assert made.ignoring(folders[-1] + b"/%d.txt" % MOST_FILES) is None
    told = "more than 8 ignore files speak of what is in this folder; this one is passed over"
    assert [made.faults(folder) for folder in folders] == [[]] * MOST_FILES + [[told]]


@pytest.mark.parametrize("line", ["[z-a]", "a\\"])
def test_a_range_from_its_end_and_a_lone_backslash_are_no_patterns(line: str) -> None:
    (fault,) = rules(top=f"{line}\n").faults(b"")
    assert fault.startswith("line 1 is no pattern and is passed over")
