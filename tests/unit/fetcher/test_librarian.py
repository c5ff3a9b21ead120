"""What happens to files, as the ledger tells it: read, edited, moved, doubled, gone."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from services.fetcher.adapters.inbox import Inbox
from services.fetcher.adapters.ledger import INDEX_ID_FACT, Ledger
from services.fetcher.adapters.ledger_entry import Lane, LedgerEntry
from services.fetcher.adapters.ledger_file import LedgerFile
from services.fetcher.domain.identity import Place
from services.fetcher.handlers import MOST_RETOLD, Librarian
from services.fetcher.outbox import Outbox
from shared.blobs import FilesystemBlobStore
from shared.contracts import DocumentSettled, StageBacklog
from shared.errors import SetupError

IDLE = StageBacklog(fetcher=0, parser=0, indexer=0)


class Desk:
    """Inboxes, a ledger, and a librarian who enters what the test does to the files."""

    def __init__(self, folder: Path, file: LedgerFile, *, keep: bool = False) -> None:
        self.folder = folder / "inbox"
        self.folder.mkdir(exist_ok=True)
        self.inbox = Inbox(self.folder)
        self.ledger = Ledger(file)
        self.blobs = FilesystemBlobStore(folder / "blobs")
        self.librarian = Librarian(self.ledger, Outbox(self.ledger), lambda p: self.inbox.is_gone(p.path), keep=keep)

    async def write(self, name: str, text: str) -> LedgerEntry:
        (self.folder / name).write_text(text)
        return await self.enter(name)

    async def enter(self, name: str) -> LedgerEntry:
        place = Place("inbox", name.encode())
        reading = self.inbox.read(place.path, None, lambda _: (0, 0), self.blobs, 1_000)
        assert reading is not None
        self.librarian.on_file_read(place, reading)
        return self.at(name)

    def at(self, name: str) -> LedgerEntry:
        entry = self.ledger.at(Place("inbox", name.encode()))
        assert entry is not None
        return entry

    def remove(self, name: str) -> None:
        (self.folder / name).unlink()
        self.librarian.on_file_gone(Place("inbox", name.encode()))

    async def settle(self, entry: LedgerEntry, state: str = "indexed") -> None:
        event = {"document_id": entry.document_id, "sequence": entry.sequence, "state": state}
        await self.librarian.on_document_settled(DocumentSettled.model_validate(event))

    def unpublished(self) -> list[LedgerEntry]:
        return [entry for lane in Lane for entry in self.ledger.unpublished(lane, 100)]

    def changes(self) -> list[tuple[str, str]]:
        return [(e.place.path.decode(), e.change) for e in self.unpublished()]

    def files(self, inbox: str = "inbox") -> int:
        return self.ledger.files(Place(inbox, b""))

    def feed_everything(self, most: int = 2) -> int:
        self.ledger.begin_to_feed_everything("another")
        fed = 0
        while self.ledger.is_feeding:
            fed += self.ledger.feed_next(most)
        return fed

    def publish(self) -> None:
        for lane in Lane:
            if sequences := [e.sequence for e in self.ledger.unpublished(lane, 100)]:
                self.ledger.mark_published(lane, sequences)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[LedgerFile]:
    with closing(LedgerFile(tmp_path / "ledger")) as file:
        yield file


@pytest.fixture
def desk(tmp_path: Path, file: LedgerFile) -> Desk:
    return Desk(tmp_path, file)


async def test_a_new_file_is_a_document(desk: Desk) -> None:
    entry = await desk.write("a.txt", "one")
    assert (entry.state, entry.change, desk.ledger.counts(IDLE).accepted) == ("pending", "fetched", 1)


async def test_an_edited_file_is_the_same_document_with_a_higher_sequence(desk: Desk) -> None:
    before, after = await desk.write("a.txt", "one"), await desk.write("a.txt", "two")
    assert after.document_id == before.document_id
    assert after.sequence > before.sequence
    assert desk.ledger.counts(IDLE).accepted == 1


async def test_a_file_written_again_with_the_same_bytes_tells_nothing(desk: Desk) -> None:
    before = await desk.write("a.txt", "one")
    desk.publish()
    after = await desk.write("a.txt", "one")
    assert (after.sequence, desk.changes()) == (before.sequence, [])


async def test_a_moved_file_keeps_its_document(desk: Desk) -> None:
    before = await desk.write("a.txt", "one")
    desk.publish()
    await desk.settle(before)
    (desk.folder / "a.txt").rename(desk.folder / "b.txt")
    after = await desk.enter("b.txt")
    desk.librarian.on_file_gone(Place("inbox", b"a.txt"))
    assert after.document_id == before.document_id
    assert desk.changes() == [("b.txt", "moved")]


async def test_a_file_moved_before_it_was_settled_tells_everything_again(desk: Desk) -> None:
    await desk.write("a.txt", "one")
    desk.publish()
    (desk.folder / "a.txt").rename(desk.folder / "b.txt")
    await desk.enter("b.txt")
    assert desk.changes() == [("b.txt", "fetched")]


async def test_a_new_file_where_a_moved_one_was_is_another_document(desk: Desk) -> None:
    moved = await desk.write("a.txt", "one")
    (desk.folder / "a.txt").rename(desk.folder / "b.txt")
    await desk.enter("b.txt")
    new = await desk.write("a.txt", "two")
    assert new.document_id != moved.document_id
    assert desk.ledger.counts(IDLE).accepted == 2


async def test_the_same_bytes_at_two_paths_are_a_duplicate(desk: Desk) -> None:
    first, second = await desk.write("a.txt", "one"), await desk.write("b.txt", "one")
    assert (second.change, second.duplicate_of) == ("duplicated", first.document_id)


async def test_a_document_whose_file_is_removed_stays_where_its_bytes_still_lie(desk: Desk) -> None:
    """It keeps its id, and is not parsed again; the duplicate is what is gone."""
    original = await desk.write("a.txt", "one")
    second, third = await desk.write("b.txt", "one"), await desk.write("c.txt", "one")
    desk.publish()
    for entry, state in ((original, "indexed"), (second, "duplicate"), (third, "duplicate")):
        await desk.settle(entry, state)
    desk.remove("a.txt")
    assert desk.changes() == [("b.txt", "removed"), ("b.txt", "moved")]
    assert desk.at("b.txt").document_id == original.document_id
    assert desk.at("c.txt").duplicate_of == original.document_id
    assert second.document_id == desk.unpublished()[0].document_id


async def test_a_duplicate_takes_the_place_of_an_edited_original(desk: Desk) -> None:
    await desk.write("a.txt", "one")
    await desk.write("b.txt", "one")
    desk.publish()
    await desk.write("a.txt", "another")
    assert desk.changes() == [("a.txt", "fetched"), ("b.txt", "fetched")]


async def test_a_file_that_comes_back_is_the_document_it_was(desk: Desk) -> None:
    before = await desk.write("a.txt", "one")
    desk.remove("a.txt")
    after = await desk.write("a.txt", "one")
    assert (after.document_id, after.accepted) == (before.document_id, before.accepted)
    assert desk.ledger.counts(IDLE).accepted == 1


async def test_a_file_too_large_is_rejected_with_its_size(desk: Desk) -> None:
    entry = await desk.write("a.txt", "x" * 1_001)
    assert entry.change == "rejected"
    assert entry.reason is not None
    assert "1,001 bytes, and the limit is 1,000" in entry.reason


async def test_a_symbolic_link_is_rejected_and_never_followed(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (desk.folder / "link").symlink_to(tmp_path / "secret")
    entry = await desk.enter("link")
    assert (entry.reason, entry.content_hash) == (
        "This is a symbolic link; put the file itself into the inbox.",
        None,
    )


async def test_a_settlement_of_an_earlier_change_is_ignored(desk: Desk) -> None:
    before = await desk.write("a.txt", "one")
    await desk.write("a.txt", "two")
    await desk.settle(before)
    counts = desk.ledger.counts(IDLE)
    assert (counts.indexed, counts.in_flight.total) == (0, 1)


async def test_the_states_always_add_up(desk: Desk) -> None:
    for name, state in [("a", "indexed"), ("b", "rejected"), ("c", "indexed")]:
        await desk.settle(await desk.write(name, f"text of {name}"), state)
    await desk.write("d", "text of a")
    desk.remove("c")
    counts = desk.ledger.counts(StageBacklog(fetcher=9, parser=9, indexer=9))
    states = (counts.accepted, counts.indexed, counts.rejected, counts.removed, counts.in_flight.total)
    assert states == (4, 1, 1, 0, 2)


async def test_feeding_again_tells_all_there_is_to_know(desk: Desk) -> None:
    moved = await desk.write("a.txt", "one")
    desk.publish()
    await desk.settle(moved)
    (desk.folder / "a.txt").rename(desk.folder / "b.txt")
    await desk.enter("b.txt")
    await desk.write("c.txt", "one")
    await desk.write("d.txt", "three")
    desk.remove("d.txt")
    desk.publish()
    assert desk.feed_everything() == 3
    assert desk.changes() == [("b.txt", "fetched"), ("c.txt", "duplicated"), ("d.txt", "removed")]


async def test_feeding_again_keeps_the_order_and_goes_above_what_was(desk: Desk) -> None:
    before = [await desk.write(f"{i}.txt", f"text {i}") for i in range(5)]
    desk.publish()
    assert desk.ledger.feed_what_was_lost({}) == 5
    again = desk.unpublished()
    assert [e.document_id for e in again] == [e.document_id for e in before]
    assert again[0].sequence > before[-1].sequence
    assert (await desk.write("new.txt", "new")).sequence > again[-1].sequence


async def test_what_was_not_published_cannot_have_been_lost(desk: Desk) -> None:
    await desk.write("a.txt", "one")
    desk.publish()
    waiting = await desk.write("b.txt", "two")
    assert desk.ledger.feed_what_was_lost({}) == 1
    assert desk.at("b.txt") == waiting


async def test_a_lane_that_was_lost_counts_as_published_up_to_where_redis_is(desk: Desk) -> None:
    await desk.write("a.txt", "one")
    desk.publish()
    desk.ledger.feed_what_was_lost({Lane.FRESH: -1})
    assert desk.ledger.last_published(Lane.FRESH) == -1


async def test_feeding_everything_goes_on_where_it_was_after_a_restart(tmp_path: Path) -> None:
    with closing(LedgerFile(tmp_path / "ledger")) as file:
        desk = Desk(tmp_path, file)
        before = [(await desk.write(f"{i}.txt", f"text {i}")).document_id for i in range(5)]
        desk.publish()
        desk.ledger.remember(INDEX_ID_FACT, "the first")
        desk.ledger.begin_to_feed_everything("the second")
        assert desk.ledger.feed_next(2) == 2
    with closing(LedgerFile(tmp_path / "ledger")) as file:
        desk = Desk(tmp_path, file)
        assert (desk.ledger.is_feeding, desk.ledger.index_id) == (True, "the second")
        assert desk.ledger.counts(IDLE).index_id == "the first"
        assert [desk.ledger.feed_next(2) for _ in range(3)] == [2, 1, 0]
        assert (desk.ledger.is_feeding, desk.ledger.counts(IDLE).index_id) == (False, "the second")
        assert [e.document_id for e in desk.unpublished()] == before


async def test_a_feeding_for_a_third_index_begins_anew(desk: Desk) -> None:
    for i in range(3):
        await desk.write(f"{i}.txt", f"text {i}")
    desk.ledger.begin_to_feed_everything("the second")
    desk.ledger.feed_next(2)
    assert desk.feed_everything() == 3


async def test_what_happens_while_everything_is_fed_again_is_not_fed_twice(desk: Desk) -> None:
    for i in range(4):
        await desk.settle(await desk.write(f"{i}.txt", f"text {i}"))
    desk.ledger.begin_to_feed_everything("another")
    desk.ledger.feed_next(2)
    edited, new = await desk.write("3.txt", "edited"), await desk.write("new.txt", "new")
    assert [desk.ledger.feed_next(2) for _ in range(2)] == [1, 0]
    assert (desk.at("3.txt"), desk.at("new.txt")) == (edited, new)


async def test_a_move_while_everything_is_fed_again_tells_a_new_index_the_content_too(desk: Desk) -> None:
    await desk.settle(await desk.write("a.txt", "one"))
    await desk.settle(await desk.write("b.txt", "one"), "duplicate")
    desk.ledger.begin_to_feed_everything("another")
    for name in ("a", "b"):
        (desk.folder / f"{name}.txt").rename(desk.folder / f"{name}-moved.txt")
        await desk.enter(f"{name}-moved.txt")
    assert desk.changes() == [("a-moved.txt", "fetched"), ("b-moved.txt", "duplicated")]


async def test_what_a_scan_found_is_published_after_what_was_dropped(desk: Desk) -> None:
    for name, lane in (("old.txt", Lane.BULK), ("new.txt", Lane.FRESH)):
        (desk.folder / name).write_text(name)
        reading = desk.inbox.read(name.encode(), None, lambda _: (0, 0), desk.blobs, 1_000)
        assert reading is not None
        desk.librarian.on_file_read(Place("inbox", name.encode()), reading, lane)
    assert desk.changes() == [("new.txt", "fetched"), ("old.txt", "fetched")]
    desk.publish()
    assert 0 < desk.ledger.last_published(Lane.BULK) < desk.ledger.last_published(Lane.FRESH)


async def test_a_removed_file_s_document_is_kept_where_that_is_asked_for(tmp_path: Path, file: LedgerFile) -> None:
    desk = Desk(tmp_path, file, keep=True)
    before = await desk.write("a.txt", "one")
    desk.publish()
    await desk.settle(before)
    desk.remove("a.txt")
    assert (desk.changes(), desk.ledger.counts(IDLE).indexed) == ([], 1)
    assert desk.files() == 0

    again = await desk.write("a.txt", "one")
    assert (again.document_id, again.kept, desk.changes()) == (before.document_id, False, [])


async def test_the_files_that_lie_in_an_inbox_are_counted_whatever_happens_to_them(
    tmp_path: Path, file: LedgerFile
) -> None:
    desk = Desk(tmp_path, file, keep=True)

    def lying() -> int:
        assert file.value("SELECT count(*) FROM documents WHERE live AND NOT kept") == desk.files()
        return desk.files()

    for name, text in (("a", "one"), ("b", "one"), ("c", "three"), ("d", "x" * 1_001)):
        await desk.write(name, text)
    assert lying() == 4
    desk.remove("a")  # its document goes to b
    assert lying() == 3
    desk.remove("c")  # its document is kept
    assert (lying(), desk.files("other")) == (2, 0)
    (desk.folder / "b").rename(desk.folder / "e")
    await desk.enter("e")
    assert lying() == 2
    await desk.write("c", "three")
    await desk.write("a", "another")
    assert lying() == 4
    for name in ("a", "c", "d", "e"):
        desk.librarian.on_file_left_out(Place("inbox", name.encode()))
    assert lying() == 0


async def test_a_kept_document_whose_bytes_turn_up_elsewhere_has_moved(tmp_path: Path, file: LedgerFile) -> None:
    desk = Desk(tmp_path, file, keep=True)
    before = await desk.write("a.txt", "one")
    await desk.settle(before)
    desk.remove("a.txt")
    assert (await desk.write("b.txt", "one")).document_id == before.document_id
    desk.feed_everything()
    assert desk.changes() == [("b.txt", "fetched")]


async def test_a_kept_document_is_fed_to_a_new_index_too(tmp_path: Path, file: LedgerFile) -> None:
    desk = Desk(tmp_path, file, keep=True)
    await desk.write("a.txt", "one")
    desk.publish()
    desk.remove("a.txt")
    desk.feed_everything()
    assert desk.changes() == [("a.txt", "fetched")]


async def test_what_a_rule_leaves_out_is_removed_even_where_documents_are_kept(
    tmp_path: Path, file: LedgerFile
) -> None:
    desk = Desk(tmp_path, file, keep=True)
    await desk.write("a.txt", "one")
    desk.librarian.on_file_left_out(Place("inbox", b"a.txt"))
    assert desk.changes() == [("a.txt", "removed")]


async def test_many_files_with_the_same_bytes_are_one_document_with_duplicates(desk: Desk) -> None:
    first = await desk.write("0.txt", "one")
    others = [await desk.write(f"{i}.txt", "one") for i in range(1, 105)]
    assert {entry.duplicate_of for entry in others} == {first.document_id}


@pytest.mark.parametrize("copies", [3, 30])
async def test_of_several_copies_the_one_that_moves_keeps_its_document(desk: Desk, copies: int) -> None:
    before = [await desk.write(f"{i}.txt", "one") for i in range(copies)]
    for i in (copies - 1, 0, copies // 2):
        (desk.folder / f"{i}.txt").rename(desk.folder / f"moved-{i}.txt")
        assert (await desk.enter(f"moved-{i}.txt")).document_id == before[i].document_id


async def test_copies_that_move_together_keep_their_documents_each_its_own(desk: Desk) -> None:
    (desk.folder / "old").mkdir()
    before = {i: (await desk.write(f"old/{i}.txt", "one")).document_id for i in range(30)}
    (desk.folder / "old").rename(desk.folder / "new")
    after = {i: (await desk.enter(f"new/{i}.txt")).document_id for i in (7, *before)}
    assert after == before


async def test_an_original_among_many_copies_that_comes_from_another_disk_keeps_its_document(desk: Desk) -> None:
    """There it had another inode; the copies' files are all there."""
    before = await desk.write("0.txt", "one")
    for i in range(1, 30):
        await desk.write(f"{i}.txt", "one")
    (desk.folder / "here.txt").write_text("one")
    (desk.folder / "0.txt").unlink()
    assert (await desk.enter("here.txt")).document_id == before.document_id


async def test_one_of_a_few_copies_that_comes_from_another_disk_keeps_its_document(desk: Desk) -> None:
    before = [await desk.write(f"{i}.txt", "one") for i in range(5)]
    (desk.folder / "here.txt").write_text("one")
    (desk.folder / "4.txt").unlink()
    assert (await desk.enter("here.txt")).document_id == before[4].document_id


async def test_a_copy_costs_few_looks_however_many_there_are(tmp_path: Path, file: LedgerFile) -> None:
    desk = Desk(tmp_path, file)
    looks: list[Place] = []

    def is_gone(place: Place) -> bool:
        looks.append(place)
        return False

    desk.librarian = Librarian(desk.ledger, Outbox(desk.ledger), is_gone)
    for i in range(100):
        await desk.write(f"{i}.txt", "one")
    looks.clear()
    await desk.write("100.txt", "one")
    assert 0 < len(looks) < 20


async def test_a_document_with_very_many_copies_stays_with_its_bytes_when_its_file_is_edited(desk: Desk) -> None:
    """Its copies need not be told of another original; the edited file is the document that its oldest copy was."""
    first = await desk.write("0.txt", "one")
    others = [await desk.write(f"{i}.txt", "one") for i in range(1, MOST_RETOLD + 2)]
    for entry in (first, *others):
        await desk.settle(entry, "duplicate" if entry.duplicate_of else "indexed")
    edited = await desk.write("0.txt", "another")
    assert (edited.document_id, edited.change, edited.duplicate_of) == (others[0].document_id, "fetched", None)
    assert desk.changes() == [("1.txt", "moved"), ("0.txt", "fetched")]
    assert (desk.at("1.txt").document_id, desk.at("1.txt").duplicate_of) == (first.document_id, None)
    assert desk.at("2.txt").duplicate_of == first.document_id
    assert (desk.ledger.counts(IDLE).accepted, desk.files()) == (len(others) + 1, len(others) + 1)


async def test_a_document_with_very_many_copies_stays_with_its_bytes_when_its_file_cannot_be_read(desk: Desk) -> None:
    first = await desk.write("0.txt", "one")
    for i in range(1, MOST_RETOLD + 2):
        await desk.write(f"{i}.txt", "one")
    refused = await desk.write("0.txt", "x" * 1_001)
    assert (refused.change, refused.content_hash, refused.duplicate_of) == ("rejected", None, None)
    assert (desk.at("1.txt").document_id, desk.at("1.txt").change) == (first.document_id, "fetched")


async def test_a_second_fetcher_on_the_same_folder_is_refused(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="in use by another fetcher"):
        LedgerFile(tmp_path / "ledger")


def test_a_missing_inbox_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"the inbox .*nowhere is not a folder that can be read"):
        Inbox(tmp_path / "nowhere")
