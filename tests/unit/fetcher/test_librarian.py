"""What happens to files, as the ledger tells it: read, edited, moved, doubled, gone."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from services.fetcher.adapters.inbox import Inbox
from services.fetcher.adapters.ledger import Ledger, LedgerEntry
from services.fetcher.domain.identity import Stamp
from services.fetcher.handlers import Librarian
from services.fetcher.outbox import Outbox
from shared.blobs import FilesystemBlobStore
from shared.contracts import DocumentSettled, StageBacklog
from shared.errors import SetupError

IDLE = StageBacklog(fetcher=0, parser=0, indexer=0)


class Desk:
    """An inbox, a ledger, and a librarian who enters what the test does to the files."""

    def __init__(self, folder: Path, ledger: Ledger) -> None:
        self.folder = folder / "inbox"
        self.folder.mkdir()
        self.inbox = Inbox(self.folder)
        self.ledger = ledger
        outbox = Outbox(ledger, "inbox", CollectorRegistry())
        self.librarian = Librarian(self.inbox, ledger, FilesystemBlobStore(folder / "blobs"), outbox, 1_000)

    async def write(self, name: str, text: str) -> LedgerEntry:
        (self.folder / name).write_text(text)
        return await self.enter(name)

    async def enter(self, name: str) -> LedgerEntry:
        status = self.inbox.status(name.encode())
        assert status is not None
        await self.librarian.on_file_settled(name.encode(), Stamp.of(status))
        entry = self.ledger.at(name.encode())
        assert entry is not None
        return entry

    def remove(self, name: str) -> None:
        (self.folder / name).unlink()
        self.librarian.on_file_gone(name.encode())

    async def settle(self, entry: LedgerEntry, state: str = "indexed") -> None:
        event = {"document_id": entry.document_id, "sequence": entry.sequence, "state": state}
        await self.librarian.on_document_settled(DocumentSettled.model_validate(event))

    def changes(self) -> list[tuple[str, str]]:
        return [(e.path.decode(), e.change) for e in self.ledger.unpublished(100)]

    def publish(self) -> None:
        self.ledger.mark_published([e.sequence for e in self.ledger.unpublished(100)])


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with closing(Ledger(tmp_path / "ledger")) as ledger:
        yield Desk(tmp_path, ledger)


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
    desk.librarian.on_file_gone(b"a.txt")
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


async def test_a_duplicate_takes_the_place_of_a_removed_original(desk: Desk) -> None:
    await desk.write("a.txt", "one")
    second, _ = await desk.write("b.txt", "one"), await desk.write("c.txt", "one")
    desk.publish()
    desk.remove("a.txt")
    assert desk.changes() == [("a.txt", "removed"), ("b.txt", "fetched"), ("c.txt", "duplicated")]
    third = desk.ledger.at(b"c.txt")
    assert third is not None
    assert third.duplicate_of == second.document_id


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
    assert desk.ledger.feed_again(everything=True) == 3
    assert desk.changes() == [("b.txt", "fetched"), ("c.txt", "duplicated"), ("d.txt", "removed")]


async def test_a_second_fetcher_on_the_same_folder_is_refused(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="in use by another fetcher"):
        Ledger(tmp_path / "ledger")


def test_a_missing_inbox_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"the inbox .*nowhere is not a folder that can be read"):
        Inbox(tmp_path / "nowhere")
