"""An inbox is gone through folder by folder; what looks as it did is not looked through again."""

import os
from pathlib import Path

import pytest

from services.fetcher.adapters.inbox import Inbox
from services.fetcher.adapters.walk import Listings, Walk
from services.fetcher.domain.rules import Rules


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    for name in ("a.txt", "wire/b.txt", "wire/c.txt", "wire/deep/d.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return Inbox(tmp_path)


def walked(inbox: Inbox, listings: Listings, rules: Rules | None = None) -> tuple[set[bytes], int]:
    """Return the paths that were told, and how many files were not looked at; remember all folders."""
    walk = Walk(inbox, rules or Rules(), lambda *_: None, listings)
    steps = list(walk.steps())
    for folder, digest, files in walk.looked_through:
        listings.remember(folder, digest, files)
    return {s.path for step in steps for s in step.sightings}, sum(step.unchanged for step in steps)


ALL = {b"a.txt", b"wire/b.txt", b"wire/c.txt", b"wire/deep/d.txt"}


def test_a_folder_that_looks_the_same_is_not_looked_through_again(inbox: Inbox) -> None:
    listings = Listings()
    assert walked(inbox, listings) == (ALL, 0)
    assert walked(inbox, listings) == (set(), 4)
    listings.forget()
    assert walked(inbox, listings) == (ALL, 0)


@pytest.mark.parametrize("change", ["edited", "same size", "added", "removed", "replaced", "renamed", "older"])
def test_whatever_happens_in_a_folder_it_looks_other_than_before(inbox: Inbox, change: str) -> None:
    listings = Listings()
    walked(inbox, listings)
    wire = Path(os.fsdecode(inbox.root)) / "wire"
    match change:
        case "edited":
            (wire / "b.txt").write_text("edited")
        case "same size":
            (wire / "b.txt").write_text("WIRE/B.TXT")
        case "added":
            (wire / "new.txt").write_text("new")
        case "removed":
            (wire / "b.txt").unlink()
        case "replaced":
            (wire / "aside").write_text("wire/b.txt")
            (wire / "aside").rename(wire / "b.txt")
        case "renamed":
            (wire / "b.txt").rename(wire / "z.txt")
        case "older":
            os.utime(wire / "b.txt", (0, 0))
    told, unchanged = walked(inbox, listings)
    assert told == {b"wire/" + os.fsencode(entry.name) for entry in wire.iterdir() if entry.is_file()}
    assert unchanged == 2


def test_a_folder_that_is_left_out_is_told_at_each_look(inbox: Inbox) -> None:
    rules, listings = Rules(), Listings()
    rules.read(b"", b"deep/\n")
    Path(os.fsdecode(inbox.root), ".datelineignore").write_text("deep/\n")
    walked(inbox, listings, rules)
    told, unchanged = walked(inbox, listings, rules)
    assert (told, unchanged) == ({b"wire/deep/"}, 4)
