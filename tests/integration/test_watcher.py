"""Every file that comes into an inbox is seen, whichever way it comes, and none is read before it is whole."""

import asyncio
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.fetcher.watcher import Watcher
from tests.watched import SETTLE, watching


async def test_what_lies_there_at_the_start_is_read(tmp_path: Path) -> None:
    (tmp_path / "inbox/deep/er").mkdir(parents=True)
    for name in ("a.txt", "deep/b.txt", "deep/er/c.txt"):
        (tmp_path / "inbox" / name).write_text(name)
    async with watching(tmp_path) as watched:
        for name in ("a.txt", "deep/b.txt", "deep/er/c.txt"):
            await watched.until_read(name, name)


async def test_a_file_is_seen_whichever_way_it_comes(tmp_path: Path) -> None:
    """Written, renamed into place, moved in with an old date, hard-linked, replaced, in a new and in a moved folder."""
    outside = tmp_path / "outside"
    (outside / "tree/branch").mkdir(parents=True)
    for name in ("renamed", "old", "linked", "replacing", "tree/branch/leaf"):
        (outside / name).write_text(f"text of {name}")
    os.utime(outside / "old", (0, 0))
    async with watching(tmp_path) as watched:
        inbox = watched.folder
        (inbox / "written.txt").write_text("text of written")
        (inbox / "replaced.txt").write_text("text before")
        await watched.until_read("replaced.txt", "text before")
        (outside / "renamed").rename(inbox / "renamed.txt")
        (outside / "old").rename(inbox / "old.txt")
        (inbox / "linked.txt").hardlink_to(outside / "linked")
        (outside / "replacing").rename(inbox / "replaced.txt")
        (inbox / "new/folder").mkdir(parents=True)
        (inbox / "new/folder/nested.txt").write_text("text of nested")
        (outside / "tree").rename(inbox / "tree")
        for name in ("written", "renamed", "old", "linked"):
            await watched.until_read(f"{name}.txt", f"text of {name}")
        await watched.until_read("replaced.txt", "text of replacing")
        await watched.until_read("new/folder/nested.txt", "text of nested")
        await watched.until_read("tree/branch/leaf", "text of tree/branch/leaf")
        (inbox / "tree").rename(inbox / "wood")
        (inbox / "wood/branch/second").write_text("text of second")
        await watched.until_read("wood/branch/second", "text of second")


async def test_a_file_that_is_open_for_writing_is_not_read(tmp_path: Path) -> None:
    async with watching(tmp_path) as watched:
        with (watched.folder / "slow.txt").open("w") as file:
            file.write("half of ")
            file.flush()
            await watched.until_quiet(waiting=1)
            await asyncio.sleep(2 * SETTLE)
            assert watched.at("slow.txt") is None
            file.write("it")
        await watched.until_read("slow.txt", "half of it")


async def test_an_edited_file_is_the_same_document(tmp_path: Path) -> None:
    async with watching(tmp_path) as watched:
        file = watched.folder / "a.txt"
        file.write_text("before")
        await watched.until_read("a.txt", "before")
        before = watched.at("a.txt")
        with file.open("a") as appended:
            appended.write(" and after")
        await watched.until_read("a.txt", "before and after")
        after = watched.at("a.txt")
        assert before
        assert after
        assert (after.document_id, after.change) == (before.document_id, "fetched")


async def test_a_moved_file_or_folder_keeps_its_documents(tmp_path: Path) -> None:
    async with watching(tmp_path) as watched:
        (watched.folder / "wire").mkdir()
        for name in ("a.txt", "wire/b.txt", "wire/c.txt"):
            (watched.folder / name).write_text(name)
            await watched.until_read(name, name)
        ids = [watched.at(name) for name in ("a.txt", "wire/b.txt", "wire/c.txt")]
        (watched.folder / "a.txt").rename(watched.folder / "wire/a.txt")
        (watched.folder / "wire").rename(watched.folder / "archive")
        for name, before in zip(["archive/a.txt", "archive/b.txt", "archive/c.txt"], ids, strict=True):
            await watched.until(lambda name=name: watched.at(name) is not None, f"{name} is there")  # type: ignore[misc]
            after = watched.at(name)
            assert after
            assert before
            assert after.document_id == before.document_id
        await watched.until_quiet()
        assert "removed" not in {change for _, change in watched.changes()}


async def test_a_deleted_file_or_folder_is_removed(tmp_path: Path) -> None:
    async with watching(tmp_path) as watched:
        (watched.folder / "wire").mkdir()
        for name in ("a.txt", "wire/b.txt"):
            (watched.folder / name).write_text(name)
            await watched.until_read(name, name)
        (watched.folder / "a.txt").unlink()
        (watched.folder / "wire/b.txt").rename(tmp_path / "moved-out.txt")
        (watched.folder / "wire").rmdir()
        await watched.until(lambda: [c for _, c in watched.changes()] == ["removed", "removed"], "both are removed")


async def test_what_happened_while_nobody_looked_is_found_at_the_start(tmp_path: Path) -> None:
    async with watching(tmp_path) as watched:
        for name in ("gone.txt", "edited.txt", "moved.txt", "same.txt"):
            (watched.folder / name).write_text(name)
            await watched.until_read(name, name)
        moved = watched.at("moved.txt")
    inbox = tmp_path / "inbox"
    (inbox / "gone.txt").unlink()
    (inbox / "edited.txt").write_text("edited since")
    (inbox / "moved.txt").rename(inbox / "elsewhere.txt")
    async with watching(tmp_path) as watched:
        await watched.until_read("edited.txt", "edited since")
        await watched.until(lambda: watched.at("gone.txt") is None, "gone.txt is removed")
        elsewhere = watched.at("elsewhere.txt")
        assert elsewhere
        assert moved
        assert elsewhere.document_id == moved.document_id


async def test_what_the_rules_leave_out_is_listed_and_what_they_leave_out_later_is_removed(tmp_path: Path) -> None:
    async with watching(tmp_path) as watched:
        (watched.folder / "drafts").mkdir()
        for name in ("a.txt", "drafts/b.txt"):
            (watched.folder / name).write_text(name)
            await watched.until_read(name, name)
        (watched.folder / "c.tmp").write_text("temporary")
        await watched.until(lambda: watched.sightings.ignored == 1, "c.tmp is listed")
        (watched.folder / ".datelineignore").write_text("drafts/\n!*.tmp\n")
        await watched.until_read("c.tmp", "temporary")
        await watched.until(lambda: watched.at("drafts/b.txt") is None, "the draft is removed")
        await watched.until(lambda: watched.sightings.ignored == 2, "the folder is listed")
        listed = {file.path: file.rule for file in watched.sightings.newest_ignored().files}
        assert listed == {".datelineignore": ".*", "drafts/": "drafts/"}
        (watched.folder / ".datelineignore").unlink()
        await watched.until_read("drafts/b.txt", "drafts/b.txt")
        await watched.until(lambda: watched.sightings.ignored == 1, "c.tmp is listed again")
        assert watched.at("c.tmp") is None


async def test_an_open_file_keeps_no_deleted_one(tmp_path: Path) -> None:
    async with watching(tmp_path) as watched:
        (watched.folder / "a.txt").write_text("one")
        await watched.until_read("a.txt", "one")
        with (watched.folder / "log.txt").open("w") as log:
            log.write("first line")
            log.flush()
            await watched.until_quiet(waiting=1)
            (watched.folder / "a.txt").unlink()
            await watched.until(lambda: watched.at("a.txt") is None, "it is removed", seconds=10)


async def test_a_large_folder_moved_in_keeps_no_dropped_file(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    for number in range(3_000):
        (tree / f"{number}.txt").write_text(f"text {number}")
    async with watching(tmp_path) as watched:
        tree.rename(watched.folder / "tree")
        (watched.folder / "dropped.txt").write_text("dropped")
        await watched.until_read("dropped.txt", "dropped")
        assert len(watched.librarian.entered) < 1_500
        await watched.until(lambda: len(watched.librarian.entered) == 3_001, "all are read", seconds=60)


async def test_a_file_too_large_is_read_once_it_may_be(tmp_path: Path) -> None:
    async with watching(tmp_path, max_file_bytes=5) as watched:
        (watched.folder / "a.txt").write_text("too large")
        await watched.until(lambda: bool(watched.reason("a.txt")), "it is refused")
    async with watching(tmp_path, max_file_bytes=50) as watched:
        await watched.until_read("a.txt", "too large")


async def test_a_file_that_brings_up_a_bug_is_told_and_stops_no_other(tmp_path: Path) -> None:
    async with watching(tmp_path) as watched:
        watched.librarian.stumbles_over = b"a.txt"
        (watched.folder / "a.txt").write_text("one")
        await watched.until(lambda: "a mistake of ours: ValueError" in (watched.reason("a.txt") or ""), "it is told")
        (watched.folder / "b.txt").write_text("two")
        await watched.until_read("b.txt", "two")


async def test_a_file_with_any_date_is_read(tmp_path: Path) -> None:
    async with watching(tmp_path) as watched:
        for name, seconds in (("first.txt", -(2**31)), ("last.txt", 15_032_385_535)):
            (watched.folder / f".{name}.part").write_text(name)
            os.utime(watched.folder / f".{name}.part", (seconds, seconds))
            (watched.folder / f".{name}.part").rename(watched.folder / name)
            await watched.until_read(name, name)


async def test_a_folder_a_rule_leaves_out_is_listed_at_once(tmp_path: Path) -> None:
    async with watching(tmp_path) as watched:
        (watched.folder / ".datelineignore").write_text("drafts\n")
        await watched.until(lambda: watched.sightings.ignored == 1, "the ignore file is listed")
        await watched.until_quiet()
        (watched.folder / "drafts").mkdir()
        await watched.until(lambda: watched.sightings.ignored == 2, "the folder is listed")
        assert "drafts/" in {file.path for file in watched.sightings.newest_ignored().files}


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """A small file system, mounted in the inbox."""
    disk = tmp_path / "inbox/disk"
    disk.mkdir(parents=True)
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", disk], check=False).returncode:
        pytest.skip("a file system cannot be mounted here: it takes root")
    yield disk
    if disk.is_mount():
        subprocess.run(["umount", "--lazy", disk], check=True)


async def test_a_disk_that_is_not_mounted_any_more_removes_nothing(tmp_path: Path, mounted: Path) -> None:
    async with watching(tmp_path, scan_seconds=1) as watched:
        (mounted / "a.txt").write_text("one")
        (watched.folder / "b.txt").write_text("two")
        await watched.until_read("disk/a.txt", "one")
        await watched.until_read("b.txt", "two")
        await asyncio.sleep(1.5)  # a scan has seen the disk
        await (await asyncio.create_subprocess_exec("umount", mounted)).wait()
        (watched.folder / "b.txt").unlink()
        await watched.until(lambda: refuses(watched.watcher, "a disk was mounted there"), "it is told")
        await watched.until(lambda: watched.at("b.txt") is None, "what is really gone is removed")
        await asyncio.sleep(2.5)
        assert watched.at("disk/a.txt")
        (mounted / "c.txt").write_text("three")
        await watched.until(lambda: watched.at("disk/a.txt") is None, "it is removed", seconds=15)
        await watched.until(lambda: watched.watcher.faults() == [], "all is well")


async def test_a_folder_that_looks_the_same_hides_nothing(tmp_path: Path) -> None:
    """Scans look through a folder again only when it looks other than before, also where nothing tells of changes."""
    async with watching(tmp_path, watch="polling", poll_seconds=0.1, scan_seconds=1) as watched:
        for name in ("wire/a.txt", "wire/b.txt", "wire/deep/c.txt"):
            (watched.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (watched.folder / name).write_text(name)
            await watched.until_read(name, name)
        await asyncio.sleep(2.5)  # several scans have found all as it was
        (watched.folder / "wire/deep/c.txt").write_text("other")
        (watched.folder / "wire/b.txt").unlink()
        (watched.folder / "wire/deep/d.txt").write_text("new")
        await watched.until_read("wire/deep/c.txt", "other")
        await watched.until_read("wire/deep/d.txt", "new")
        await watched.until(lambda: watched.at("wire/b.txt") is None, "it is removed")
        (watched.folder / "wire").rename(tmp_path / "wire")
        await watched.until(lambda: watched.at("wire/a.txt") is None, "all are removed", seconds=30)
        (tmp_path / "wire").rename(watched.folder / "wire")
        await watched.until_read("wire/a.txt", "wire/a.txt")
        await watched.until_read("wire/deep/c.txt", "other")


async def test_a_folder_moved_out_and_in_again_is_read_at_once(tmp_path: Path) -> None:
    async with watching(tmp_path, scan_seconds=1) as watched:
        (watched.folder / "wire").mkdir()
        (watched.folder / "wire/a.txt").write_text("one")
        await watched.until_read("wire/a.txt", "one")
        await asyncio.sleep(2.5)  # scans have found all as it was
        (watched.folder / "wire").rename(tmp_path / "wire")
        await watched.until(lambda: watched.at("wire/a.txt") is None, "it is removed")
        (tmp_path / "wire").rename(watched.folder / "wire")
        await watched.until_read("wire/a.txt", "one")


async def test_a_polled_inbox_is_read_when_its_files_hold_still(tmp_path: Path) -> None:
    async with watching(tmp_path, watch="polling", poll_seconds=0.1) as watched:
        (watched.folder / "wire").mkdir()
        (watched.folder / "wire/a.txt").write_text("one")
        await watched.until_read("wire/a.txt", "one")
        (watched.folder / "wire/a.txt").write_text("other")
        await watched.until_read("wire/a.txt", "other")
        (watched.folder / "wire/a.txt").unlink()
        await watched.until(lambda: watched.at("wire/a.txt") is None, "it is removed")


def _not_files(inbox: Path) -> dict[bytes, str]:
    os.mkfifo(inbox / "pipe")
    (inbox / "link").symlink_to("/etc/hostname")
    (inbox / "folder-link").symlink_to("/etc")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(inbox / "socket"))
    with (inbox / "sparse").open("wb") as file:
        file.truncate(10 << 40)
    return {
        b"pipe": "This is a pipe, not a file.",
        b"link": "This is a symbolic link; put the file itself into the inbox.",
        b"folder-link": "This is a symbolic link; put the file itself into the inbox.",
        b"socket": "This is a socket, not a file.",
        b"sparse": "The file is too large: 10,995,116,277,760 bytes, and the limit is 104,857,600 "
        "(DATELINE_MAX_FILE_BYTES).",
    }


async def test_what_is_no_regular_file_is_refused_with_its_reason_and_delays_nobody(tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    before = _not_files(tmp_path / "inbox")
    async with watching(tmp_path) as watched:
        await watched.until(lambda: all(watched.reason(name) == why for name, why in before.items()), "all are refused")
        (watched.folder / "more").mkdir()
        during = {b"more/" + name: why for name, why in _not_files(watched.folder / "more").items()}
        await watched.until(lambda: all(watched.reason(name) == why for name, why in during.items()), "these, too")


NAMES = [
    b"two\nlines.txt", b"\xff\xfe.txt", b"-rf.txt", b" space .txt", b"\xe2\x80\xaefdp.exe.txt", b"a" * 251 + b".txt",
    b"\x1b[31mred.txt", "文".encode() * 83 + b".txt", b"a:b*c?.txt", b"'; DROP TABLE documents; --.txt",
]  # fmt: skip


def _write_names(folder: Path) -> None:
    folder.mkdir()
    for name in NAMES:
        (folder / os.fsdecode(name)).write_bytes(bytes(folder) + name)


async def test_any_name_is_read_at_the_start_and_later(tmp_path: Path) -> None:
    _write_names(tmp_path / "inbox")
    async with watching(tmp_path) as watched:
        _write_names(watched.folder / "later")
        for name in NAMES:
            await watched.until(lambda name=name: watched.at(name) is not None, f"{name!r}")  # type: ignore[misc]
            await watched.until(lambda name=name: watched.at(b"later/" + name) is not None, f"{name!r}")  # type: ignore[misc]


async def test_files_lie_as_deep_as_the_kernel_lets_them_and_deeper_ones_are_refused(tmp_path: Path) -> None:
    """Beneath 30 folders of 200 bytes each no path can be opened in one piece."""
    async with watching(tmp_path) as watched:
        here = os.open(watched.folder, os.O_RDONLY)
        for _ in range(30):
            os.mkdir("d" * 200, dir_fd=here)
            inner = os.open("d" * 200, os.O_RDONLY, dir_fd=here)
            with os.fdopen(os.open("leaf.txt", os.O_WRONLY | os.O_CREAT, dir_fd=inner), "w") as leaf:
                leaf.write("leaf")
            os.close(here)
            here = inner
        os.close(here)
        folder = b"/".join([b"d" * 200] * 19)
        await watched.until(lambda: watched.at(folder + b"/leaf.txt") is not None, "the deepest that can be named")
        await watched.until(lambda: bool(watched.reason(folder + b"/" + b"d" * 200 + b"/")), "what is beneath")


def refuses(watcher: Watcher, text: str) -> bool:
    return any(text in fault for fault in watcher.faults())


async def test_an_empty_folder_in_the_inbox_s_place_removes_nothing(tmp_path: Path) -> None:
    """A disk that is not mounted looks like that; when it is back, all goes on."""
    async with watching(tmp_path, scan_seconds=1) as watched:
        (watched.folder / "a.txt").write_text("one")
        await watched.until_read("a.txt", "one")
        watched.folder.rename(tmp_path / "disk")
        await watched.until(lambda: refuses(watched.watcher, "is not there"), "it is told")
        watched.folder.mkdir()
        await watched.until(lambda: refuses(watched.watcher, "is its disk mounted?"), "it is told")
        assert watched.at("a.txt") is not None
        watched.folder.rmdir()
        (tmp_path / "disk").rename(watched.folder)
        (watched.folder / "b.txt").write_text("two")
        await watched.until_read("b.txt", "two")
        await watched.until(lambda: watched.watcher.faults() == [], "all is well")
        assert watched.at("a.txt") is not None
